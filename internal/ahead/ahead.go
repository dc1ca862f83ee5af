// Package ahead reads while what was read before is worked on.
package ahead

import "io"

// Read fills the buffers in turn and gives them to use, in that order: read fills one
// in a goroutine of its own while use works on another. read returns the part of the
// buffer that it filled; io.EOF ends the reading and any other error all of it, as does
// one of use. A buffer is filled again when use has returned; read and what it reads
// from are the caller's again when Read has.
func Read[B any](buffers []B, read func(buffer B) (filled B, err error), use func(filled B) error) error {
	type item struct {
		buffer int
		filled B
		err    error
	}
	full, free, stop := make(chan item, 1), make(chan int, len(buffers)), make(chan struct{})
	for i := range buffers {
		free <- i
	}
	go func() {
		defer close(full)
		for {
			var it item
			select {
			case it.buffer = <-free:
			case <-stop:
				return
			}
			if it.filled, it.err = read(buffers[it.buffer]); it.err == io.EOF {
				return
			}
			select {
			case full <- it:
			case <-stop:
				return
			}
			if it.err != nil {
				return
			}
		}
	}()
	defer func() {
		close(stop)
		for range full { // until the goroutine has ended
		}
	}()
	for it := range full {
		if it.err != nil {
			return it.err
		}
		if err := use(it.filled); err != nil {
			return err
		}
		free <- it.buffer
	}
	return nil
}
