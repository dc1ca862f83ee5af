//go:build !unix

package data

import (
	"io"
	"os"
)

// mapFile reads a whole file, where it cannot be mapped.
func mapFile(f *os.File) ([]byte, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return io.ReadAll(f)
}
