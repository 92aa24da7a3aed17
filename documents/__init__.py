"""Papers that leave the house: from a stored document (JSON) to a PDF.

Here belongs what a document looks like: the check that it is complete and adds up, display formats, the usage chart,
templates, fonts and the PDF itself. What is *on* a document (lines, rounding, tax, numbers) does not: that is
`rating/`. Nothing here reads a clock, a table or the network; the same document gives the same bytes.
"""
