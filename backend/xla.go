//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && arm64)) && !noxla

package backend

/*
#cgo linux LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>

// load opens a library for good and returns NULL, or why it cannot be opened.
static const char *load(const char *path) { return dlopen(path, RTLD_NOW | RTLD_LOCAL) ? NULL : dlerror(); }
#ifdef __GLIBC__
#include <gnu/libc-version.h>
static const char *libc_version(void) { return gnu_get_libc_version(); }
#else
static const char *libc_version(void) { return ""; }
#endif
*/
import "C"

import (
	"errors"
	"unsafe"

	"github.com/gomlx/go-xla/compute/xla"
)

// hasXLA says whether this program can load XLA plugins, noXLA why not.
const (
	hasXLA = true
	noXLA  = ""
)

func init() {
	// Set before any backend opens: no download that the user did not ask for.
	// go-xla reads GOMLX_NO_AUTO_INSTALL before this program could set it.
	xla.EnableAutoInstall(false)
}

// libcVersion returns the version of the GNU C library, like "2.36", or "".
func libcVersion() string { return C.GoString(C.libc_version()) }

// loadLibrary loads a library into the process, where what asks for its file's name later
// finds it.
func loadLibrary(path string) error {
	c := C.CString(path)
	defer C.free(unsafe.Pointer(c))
	if why := C.load(c); why != nil {
		return errors.New(C.GoString(why)) // begins with the path
	}
	return nil
}
