//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package lock

import (
	"errors"
	"io/fs"
	"os"
)

// stale is the end of a message: a killed process leaves the file.
const stale = "; if no such process is running, remove the file"

// try creates a file that no other process can create until it is removed, or says who did.
func try(path string, open Open) (unlock func(), err error) {
	f, err := open(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err == nil {
		sign(f)
		return func() { f.Close(); os.Remove(path) }, nil
	}
	if !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	held := &Held{Path: path}
	if f, err := os.Open(path); err == nil {
		held.By = holder(f)
		f.Close()
	}
	return nil, held
}
