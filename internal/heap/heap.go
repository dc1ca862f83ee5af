// Package heap makes the GNU C library keep memory that XLA's CPU plugin frees after one step for
// the next. Programs that train import it for this effect.
//
// The plugin allocates its buffers, hundreds of megabytes, at each step. By default they come from
// the kernel, which clears every page, and go back to it: a sixth of a step's time (docs/speed.md).
// With this package up to 2 GiB of free memory stays in one heap. All threads share that heap, so
// compiling, which allocates many small pieces, is a third slower. Tests, and programs that compile
// more than they train, are better off without the package.
//
// The setting must be made before the first thread starts, so the package makes it while the program
// is loaded. If GLIBC_TUNABLES or MALLOC_ARENA_MAX is set in the environment, it does nothing. On
// other systems, with another C library and without cgo the package is empty.
package heap
