"""The FTP path's first half: files of gateways from file servers to the lake, whole and unchanged."""
