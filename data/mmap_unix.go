//go:build unix

package data

import (
	"fmt"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// mapFile maps a whole file into memory, for reading only. The file is never changed
// in place, only replaced, so what is mapped stays as it is.
func mapFile(f *os.File) ([]byte, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if st.Size() < 1 || st.Size() > math.MaxInt {
		return nil, fmt.Errorf("%d bytes cannot be mapped", st.Size())
	}
	return unix.Mmap(int(f.Fd()), 0, int(st.Size()), unix.PROT_READ, unix.MAP_SHARED)
}
