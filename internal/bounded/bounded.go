// Package bounded reads no more than a limit, so that a wrong file costs little memory.
package bounded

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// ReadAll reads r to its end, which must come within limit bytes. name is for the error.
func ReadAll(r io.Reader, name string, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return b, err
}

// Unexpected returns io.ErrUnexpectedEOF for io.EOF, which would say that all went well, and any
// other error as it is.
func Unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// ReadFile reads a file of at most limit bytes.
func ReadFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadAll(f, path, limit)
}
