// Package heap, imported for its effect by programs that train, has the GNU C library keep
// the memory that XLA's CPU plugin frees after each step for the next one.
//
// The plugin takes its buffers, hundreds of megabytes, anew for each step. By default
// they come from the kernel, which clears every page, and go back to it: a sixth
// of a step's time (docs/speed.md). With this package what is free stays, up to 2 GiB,
// in the one heap that can grow at will. All threads share it, so that compiling,
// which takes many small pieces of memory, is slower by a third; tests and programs that
// compile more than they train are better off without.
//
// It must be told before the first thread starts, and so is done as the program is
// loaded. GLIBC_TUNABLES or MALLOC_ARENA_MAX in the environment leave it undone. On other
// systems, with another C library and without cgo the package is empty.
package heap
