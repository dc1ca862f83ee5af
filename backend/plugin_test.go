package backend

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/gomlx/compute"
)

// fake writes an ELF library that exports symbol, as far as CheckPlugin reads
// it. Its only content is the tables.
func fake(t *testing.T, path string, machine elf.Machine, symbol string) {
	t.Helper()
	var b bytes.Buffer
	put := func(v any) {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	const headers, section, symSize = 64, 64, 24
	names := "\x00" + symbol + "\x00"
	sections := "\x00.dynsym\x00.dynstr\x00.shstrtab\x00"
	symAt := headers
	strAt := symAt + 2*symSize
	shstrAt := strAt + len(names)
	shAt := shstrAt + len(sections)
	h := elf.Header64{
		Type: uint16(elf.ET_DYN), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT),
		Shoff: uint64(shAt), Ehsize: headers, Phentsize: 56, Shentsize: section, Shnum: 4, Shstrndx: 3,
	}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(
		elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	put(h)
	put(elf.Sym64{})
	put(elf.Sym64{Name: 1, Info: elf.ST_INFO(elf.STB_GLOBAL, elf.STT_FUNC), Shndx: 1})
	b.WriteString(names + sections)
	put(elf.Section64{})
	put(
		elf.Section64{
			Name:    1,
			Type:    uint32(elf.SHT_DYNSYM),
			Off:     uint64(symAt),
			Size:    2 * symSize,
			Link:    2,
			Entsize: symSize,
		},
	)
	put(elf.Section64{Name: 9, Type: uint32(elf.SHT_STRTAB), Off: uint64(strAt), Size: uint64(len(names))})
	put(elf.Section64{Name: 17, Type: uint32(elf.SHT_STRTAB), Off: uint64(shstrAt), Size: uint64(len(sections))})
	write(t, path, b.Bytes())
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// native is this machine's ELF number, foreign another's.
func native(t *testing.T) (native, foreign elf.Machine) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("plugins are checked on Linux only")
	}
	if runtime.GOARCH == "arm64" {
		return elf.EM_AARCH64, elf.EM_X86_64
	}
	return elf.EM_X86_64, elf.EM_AARCH64
}

func TestCheckPlugin(t *testing.T) {
	here, other := native(t)
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }

	fake(t, path("good.so"), here, entry)
	if err := CheckPlugin(path("good.so")); err != nil {
		t.Errorf("a complete library that exports %s: %v", entry, err)
	}

	fake(t, path("other-machine.so"), other, entry)
	fake(t, path("other-symbol.so"), here, "GetPjrtApis")
	fake(t, path("a,b.so"), here, entry)
	write(t, path("text.so"),
		[]byte("version https://git-lfs.github.com/spec/v1\noid sha256:0123456789abcdef0123456789\n"))
	write(t, path("empty.so"), nil)
	good, err := os.ReadFile(path("good.so"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, path("truncated.so"), good[:len(good)-1])
	damaged := bytes.Clone(good)
	copy(damaged[len(damaged)-4*64:], bytes.Repeat([]byte{0xff}, 4*64)) // the section table
	write(t, path("damaged.so"), damaged)
	if err := os.Mkdir(path("folder.so"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"other-machine.so": "made for EM_",
		"other-symbol.so":  "does not export GetPjrtApi",
		"a,b.so":           "comma",
		"text.so":          `begins with "version "`,
		"empty.so":         "found 0 bytes",
		"truncated.so":     "truncated: ",
		"damaged.so":       "ELF",
		"folder.so":        "want a regular file",
		"absent.so":        "no such file",
	} {
		err := CheckPlugin(path(name))
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		if !errors.Is(err, errNotPlugin) || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), path(name)) ||
			!strings.Contains(err.Error(), "GOMLX_BACKEND") {
			t.Errorf("%s: want the path, %q and how to repair it; found: %v", name, want, err)
		}
	}
	if err := CheckPlugin("good.so"); err == nil {
		t.Error("a relative path was accepted")
	}
}

func TestLibc(t *testing.T) {
	symbols := []elf.Symbol{
		{Name: "memcpy", Version: "GLIBC_2.14"},
		{Name: "x", Version: "GLIBC_PRIVATE"},
		{Name: "log", Version: "GLIBC_2.27"},
		{Name: "own", Version: "GLIBC_9.9", Section: 5}, // defined here, not asked for
	}
	cases := map[string]bool{"2.36": true, "2.27": true, "2.26": false, "2.9": false, "3.0": true, "": true}
	for have, ok := range cases {
		if err := libc(symbols, have); (err == nil) != ok {
			t.Errorf("needs 2.27, has %q: %v", have, err)
		}
	}
}

// TestRefusedInTime runs a program that asks for a plugin which is a text file:
// it must get an error, not be ended by the loader.
func TestRefusedInTime(t *testing.T) {
	if os.Getenv("COLLAPSE_TEST_OPEN") != "" {
		if _, _, err := Open(Options{}); err != nil {
			os.Stdout.WriteString("refused: " + err.Error())
		}
		return
	}
	if !hasXLA {
		t.Skip("this build has no XLA: " + noXLA)
	}
	native(t)
	plugin := filepath.Join(t.TempDir(), "pjrt_c_api_cpu_plugin.so")
	write(t, plugin, bytes.Repeat([]byte("not a plugin\n"), 1000))
	cmd := exec.Command(os.Args[0], "-test.run=^TestRefusedInTime$")
	cmd.Env = append(os.Environ(), "COLLAPSE_TEST_OPEN=1", compute.ConfigEnvVar+"=xla:"+plugin)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "refused: ") || !strings.Contains(string(out), plugin) {
		t.Errorf("%v\n%s", err, out)
	}
}
