package backend

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// entry is the function that every PJRT plugin exports.
const entry = "GetPjrtApi"

var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// errNotPlugin is under every error of CheckPlugin.
var errNotPlugin = errors.New("not an XLA plugin for this machine")

// CheckPlugin reads a plugin's file and returns nil if this process can load
// it: a complete ELF library for this machine that exports GetPjrtApi and needs
// no newer C library than the one here. It loads nothing.
//
// Every error names the file, what is wrong with it and how to repair it.
func CheckPlugin(path string) error {
	if err := check(path); err != nil {
		repair := "set GOMLX_BACKEND=xla:/path/of/a/plugin.so to name another, or GOMLX_BACKEND=go, which needs none"
		if strings.Contains(filepath.ToSlash(path), "/.venv/") {
			repair = "`make clean setup` in the project's folder installs it again"
		}
		return fmt.Errorf("%s: %w: %w; %s", path, errNotPlugin, err, repair)
	}
	return nil
}

func check(path string) error {
	if !filepath.IsAbs(path) {
		return errors.New("want an absolute path")
	}
	if strings.Contains(path, ",") {
		// go-xla splits its configuration at commas and knows no escape.
		return errors.New("the path holds a comma, which go-xla cannot take; move the folder")
	}
	if runtime.GOOS != "linux" {
		return errors.New("plugins are checked on Linux only, this is " + runtime.GOOS)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() {
		return fmt.Errorf("want a regular file, found %s", st.Mode().Type())
	}
	head := make([]byte, 64)
	if _, err := io.ReadFull(f, head); err != nil {
		return fmt.Errorf("want an ELF library, found %d bytes", st.Size())
	}
	if string(head[:4]) != elf.ELFMAG {
		return fmt.Errorf("want an ELF library, found a file that begins with %q", head[:8])
	}
	if elf.Class(head[elf.EI_CLASS]) != elf.ELFCLASS64 || elf.Data(head[elf.EI_DATA]) != elf.ELFDATA2LSB {
		return errors.New("want a 64-bit little-endian ELF library, found another kind")
	}
	// The section table is at the end of the file, so a download that was cut
	// short lacks it. debug/elf would say no more than "EOF".
	le := func(at, n int) (v int64) {
		for i := n - 1; i >= 0; i-- {
			v = v<<8 | int64(head[at+i])
		}
		return v
	}
	if want := le(40, 8) + le(58, 2)*le(60, 2); want > st.Size() || want < 0 {
		return fmt.Errorf("truncated: %d bytes, of at least %d that its header names", st.Size(), want)
	}
	e, err := elf.NewFile(f)
	if err != nil {
		return fmt.Errorf("damaged ELF file: %w", err)
	}
	if want, ok := machines[runtime.GOARCH]; !ok || e.Machine != want {
		return fmt.Errorf("made for %s, this machine is %s", e.Machine, runtime.GOARCH)
	}
	if e.Type != elf.ET_DYN {
		return fmt.Errorf("want a shared library, found %s", e.Type)
	}
	for _, p := range e.Progs {
		if p.Type == elf.PT_LOAD && p.Off+p.Filesz > uint64(st.Size()) {
			return fmt.Errorf("truncated: %d bytes, of at least %d that its segments need", st.Size(), p.Off+p.Filesz)
		}
	}
	symbols, err := e.DynamicSymbols()
	if err != nil {
		return fmt.Errorf("no dynamic symbols: %w", err)
	}
	found := false
	for _, s := range symbols {
		found = found || s.Name == entry && s.Section != elf.SHN_UNDEF
	}
	if !found {
		return fmt.Errorf("it does not export %s", entry)
	}
	return libc(symbols, libcVersion())
}

// libc reports an error if symbols ask for a newer GNU C library than have, and
// nothing if have is "": without cgo the version is not known.
func libc(symbols []elf.Symbol, have string) error {
	for _, s := range symbols {
		need, ok := strings.CutPrefix(s.Version, "GLIBC_")
		if ok && s.Section == elf.SHN_UNDEF && have != "" && newer(need, have) {
			return fmt.Errorf("it needs the GNU C library %s, this machine has %s: a newer Linux release has it", need,
				have)
		}
	}
	return nil
}

// newer says whether version a, like 2.27, is above b.
func newer(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i, x := range as {
		n, err := strconv.Atoi(x)
		if err != nil {
			return false // GLIBC_PRIVATE
		}
		m := 0
		if i < len(bs) {
			m, _ = strconv.Atoi(bs[i])
		}
		if n != m {
			return n > m
		}
	}
	return false
}
