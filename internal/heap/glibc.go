//go:build cgo && linux

package heap

/*
#include <limits.h>
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>

__attribute__((constructor)) static void keep(void) {
	if (getenv("GLIBC_TUNABLES") || getenv("MALLOC_ARENA_MAX"))
		return;
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_MAX, 0);
	mallopt(M_TRIM_THRESHOLD, INT_MAX);
}
#endif
*/
import "C"
