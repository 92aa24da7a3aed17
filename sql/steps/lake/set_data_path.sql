update __ducklake_metadata_lake.ducklake_metadata set value = $data_path where key = 'data_path'
