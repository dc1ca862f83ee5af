// Package ahead reads the next data while the caller works on the last.
package ahead

import "io"

// Read fills the buffers in turn and gives them to use in the same order. read fills one in its own
// goroutine while use works on another; it returns the part of the buffer that it filled. io.EOF of
// read ends the reading. Any other error, also one of use, stops both and is returned. A buffer is
// filled again once use has returned. After Read has returned, read is not called any more.
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
