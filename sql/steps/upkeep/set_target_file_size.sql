call ducklake_set_option('lake', 'target_file_size', $bytes::varchar || 'B')
