package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// choices turns the bytes of a fuzz input into choices. After the last byte every choice is the
// first.
type choices struct{ left []byte }

func (c *choices) byte() byte {
	if len(c.left) == 0 {
		return 0
	}
	b := c.left[0]
	c.left = c.left[1:]
	return b
}

// below returns a number in [0, n), n ≤ 256.
func (c *choices) below(n int) int { return int(c.byte()) % n }

func (c *choices) of(list ...string) string { return list[c.below(len(list))] }

// float returns a usual number, an extreme one or any.
func (c *choices) float() float64 {
	extremes := []float64{0.5, 0, 1, -1, 2, 1e-3, 1e-100, 1e100, 1e-101, 1e101, math.MaxFloat64,
		math.SmallestNonzeroFloat64, math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 1 - 0x1p-53, 1e-20,
		1e-300, 1e300, 3e38, 65504, 1e-45, 100, 0.05, 0.999}
	if b := c.byte(); int(b) < 4*len(extremes) {
		return extremes[int(b)%len(extremes)]
	} else if b < 200 {
		return float64(int8(c.byte())) / 16
	}
	var b [8]byte
	for i := range b {
		b[i] = c.byte()
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b[:]))
}

// number returns the text of a whole number, which may be an extreme or none.
func (c *choices) number() string {
	if b := c.byte(); b < 128 {
		return strconv.Itoa(int(b) % 16)
	}
	return c.of("100", "1000", "-1", "2147483647", "4294967296", "1099511627776", "1099511627777",
		"-9223372036854775808", "9223372036854775807", "9223372036854775808", "1e3", "0x10", " 5", "", "NaN", "many",
		"1.5", "00012", "1_000", "100000", "100001", "16777216")
}

// numeral returns the text of a float, which may be none.
func (c *choices) numeral() string {
	if c.below(16) == 15 {
		return c.of("", "abc", "1e400", "0x1p-10", "1_0", "+Inf", "--", "1e-400", "٣", "1,5")
	}
	return strconv.FormatFloat(c.float(), 'g', -1, 64)
}

// flag is a flag and how its value is chosen; nil is a flag without one.
type flag struct {
	name  string
	value func(*choices) string
}

// slow adds a flag that takes many times as long as the others, to one command line of 256.
func (c *choices) slow(args []string, flags ...[]string) []string {
	if c.byte() != 255 {
		return args
	}
	return append(args, flags[c.below(len(flags))]...)
}

// args returns up to ten flags.
func (c *choices) args(flags []flag) (args []string) {
	for range c.below(11) {
		f := flags[c.below(len(flags))]
		switch {
		case f.value == nil:
			args = append(args, "--"+f.name)
		case c.byte()%2 == 0:
			args = append(args, "--"+f.name+"="+f.value(c))
		default:
			args = append(args, "--"+f.name, f.value(c))
		}
	}
	return args
}

func oneOf(list ...string) func(*choices) string {
	return func(c *choices) string { return c.of(list...) }
}

// longest is how long one command line may take.
const longest = 10 * time.Second

// check runs a command line, returns its exit code and checks what holds for every one: it ends in
// time with exit code 0, 1 or 2, an error has words, and with --json the answer is one JSON object or
// list.
func check(t *testing.T, root *cobra.Command, args []string, describe func() string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	defer cancel()
	var out, errs bytes.Buffer
	began := time.Now()
	code := execute(ctx, root, args, &out, &errs)
	switch {
	case ctx.Err() != nil || time.Since(began) > longest:
		t.Fatalf("%q took more than %v\n%s", args, longest, describe())
	case code != 0 && code != exitInput && code != exitUsage:
		t.Fatalf("%q: exit code %d\n%s", args, code, describe())
	case code != 0 && len(strings.TrimSpace(strings.TrimPrefix(errs.String(), "collapse:"))) == 0:
		t.Fatalf("%q: exit code %d without a word\n%s", args, code, describe())
	case code != 0 && out.Len() > 0:
		t.Fatalf("%q: exit code %d with an answer: %s\n%s", args, code, &out, describe())
	case code == 0 && slices.Contains(args, "--json") && !slices.ContainsFunc(args, isHelp):
		text := bytes.TrimSpace(out.Bytes())
		if !json.Valid(text) || text[0] != '{' && text[0] != '[' {
			t.Fatalf("%q: not one JSON object or list: %s\n%s", args, text, describe())
		}
	}
	return code
}

func isHelp(arg string) bool { return arg == "-h" || strings.HasPrefix(arg, "--help") }

// pages are the flags that draw, into a folder.
func pages(dir string) [][]string {
	at := func(name string) string { return filepath.Join(dir, name) }
	return [][]string{{"--html", at("a.html")}, {"--plot", at("a.svg")}, {"--plot", at("a.png")},
		{"--plot", at("a.gif")}, {"--html", at("absent/a.html")}, {"--plot", "/"},
		{"--html", at("b.html"), "--plot", at("b.svg")}}
}

// fuzzUFM returns the check of any flags of collapse ufm.
func fuzzUFM(f testing.TB) func(*testing.T, []byte) int {
	slow := append(pages(memory(f)), []string{"--solve"})
	flags := []flag{{"json", nil}, {"k", (*choices).number}, {"n", (*choices).number}, {"d", (*choices).number},
		{"lambda-w", (*choices).numeral}, {"lambda-h", (*choices).numeral}, {"lambda-b", (*choices).numeral},
		{"delta", (*choices).numeral}, {"spectra", nil}, {"seed", (*choices).number},
		{"compare", oneOf("absent.npz", "", "/", ".")},
		{"figure", oneOf("norms", "kappa", "spectrum", "map", "pie", "")},
		{"json", oneOf("maybe")}, {"help", nil}, {"x", nil}}
	return func(t *testing.T, data []byte) int {
		c := &choices{data}
		args := c.slow(append([]string{"ufm"}, c.args(flags)...), slow...)
		return check(t, rootOf(ufmCommand()), args, func() string { return "" })
	}
}

// array is an array of a file that fuzzing makes.
type array struct {
	name, dtype, shape string
	fortran            bool
	data               []byte
}

// put appends a number in a type.
func (a *array) put(v float64) {
	switch a.dtype {
	case "<f4", "<c8":
		a.data = binary.LittleEndian.AppendUint32(a.data, math.Float32bits(float32(v)))
	case ">f8":
		a.data = binary.BigEndian.AppendUint64(a.data, math.Float64bits(v))
	case "<f2":
		a.data = binary.LittleEndian.AppendUint16(a.data, uint16(int(v)))
	case "<i8", "<u8":
		a.data = binary.LittleEndian.AppendUint64(a.data, uint64(int64(v)))
	case "<i4":
		a.data = binary.LittleEndian.AppendUint32(a.data, uint32(int32(v)))
	case "|u1", "|b1", "|i1":
		a.data = append(a.data, byte(int(v)))
	default:
		a.data = binary.LittleEndian.AppendUint64(a.data, math.Float64bits(v))
	}
}

// matrix returns an array of mostly sound numbers.
func (c *choices) matrix(name string, rows, columns int) array {
	a := array{name: name, dtype: "<f8", shape: fmt.Sprintf("(%d, %d)", rows, columns)}
	strange := c.below(8) == 7
	if strange {
		a.dtype = c.of("<f4", ">f8", "<f2", "<i8", "<i4", "|u1", "|b1", "|i1", "<u8", "<c16", "|S3", "<U2", "|O", "<V2",
			"<f16", "f", "")
	}
	for i := range rows * columns {
		v := float64(int8(c.byte())) / 32
		if v == 0 {
			v = math.Sin(float64(i*i + len(name)))
		}
		if strange && c.below(4) == 3 {
			v = c.float()
		}
		a.put(v)
	}
	return a
}

// vector returns labels, mostly sound ones.
func (c *choices) labels(name string, rows, classes int) array {
	a := array{name: name, dtype: "<i8", shape: fmt.Sprintf("(%d,)", rows)}
	strange := c.below(8) == 7
	if strange {
		a.dtype = c.of("<i4", "|u1", "<f8", "<f4", "|b1", "<u8", "|i1", "<c16", "|S1", "")
	}
	for i := range rows {
		v := float64(i % classes)
		if strange && c.below(4) == 3 {
			v = c.float()
		}
		a.put(v)
	}
	return a
}

// strange changes up to three things of a file's arrays.
func (c *choices) strange(arrays []array) []array {
	shapes := []string{"()", "(0,)", "(0, 3)", "(3, 0)", "(1,)", "(2, 2, 2)", "(9223372036854775807, 2)", "(-1, 2)",
		"(4294967296, 4294967296)", "(1000000, 1)", "3", "(2.0,)", "", "((2,), 2)", "(6, 1)", "(1, 6)"}
	for range max(0, c.below(8)-4) {
		a := &arrays[c.below(len(arrays))]
		switch c.below(8) {
		case 0:
			a.shape = shapes[c.below(len(shapes))]
		case 1:
			a.data = a.data[:len(a.data)*c.below(8)/8]
		case 2:
			a.data = append(a.data, c.byte())
		case 3:
			a.name = c.of("features", "labels", "logits", "weight", "bias", "targets", "test_features", "../x", "",
				"features_", "features_\n", "features_λ")
		case 4:
			a.fortran = !a.fortran
		case 5:
			if len(arrays) > 1 {
				i := c.below(len(arrays))
				arrays = slices.Delete(slices.Clone(arrays), i, i+1)
			}
		case 6:
			arrays = append(slices.Clone(arrays), *a)
		case 7:
			for i := range a.data {
				a.data[i] = c.byte()
			}
		}
	}
	return arrays
}

// npy returns an array as NumPy writes it.
func (a *array) npy() []byte {
	order := "False"
	if a.fortran {
		order = "True"
	}
	head := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }", a.dtype, order, a.shape)
	head += strings.Repeat(" ", 63-(len(head)+10)%64) + "\n"
	b := []byte("\x93NUMPY\x01\x00")
	b = binary.LittleEndian.AppendUint16(b, uint16(len(head)))
	return slices.Concat(b, []byte(head), a.data)
}

// write writes the file, which may be cut short.
func (c *choices) write(t *testing.T, path string, arrays []array) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, a := range arrays {
		w, err := z.CreateHeader(&zip.FileHeader{Name: a.name + ".npy", Method: zip.Store})
		if err == nil {
			_, err = w.Write(a.npy())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	text := b.Bytes()
	if c.below(32) == 31 {
		text = text[:len(text)*c.below(16)/16]
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// memory returns a folder in memory, where there is one, that is removed at the end.
func memory(f testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "collapse-fuzz-")
	if errors.Is(err, os.ErrNotExist) {
		return f.TempDir()
	}
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// measured returns the arrays of a file for collapse measure.
func (c *choices) measured() []array {
	n, k, d := 1+c.below(12), 1+c.below(4), 1+c.below(5)
	k = min(k, n)
	arrays := []array{c.matrix("features", n, d), c.labels("labels", n, k)}
	for _, a := range []struct {
		name string
		make func() array
	}{
		{"weight", func() array { return c.matrix("weight", k, d) }},
		{"bias", func() array { a := c.matrix("bias", k, 1); a.shape = fmt.Sprintf("(%d,)", k); return a }},
		{"test_features", func() array { return c.matrix("test_features", 4, d) }},
		{"test_labels", func() array { return c.labels("test_labels", 4, k) }},
		{"ood_features", func() array { return c.matrix("ood_features", 3, d) }},
		{"features_early", func() array { return c.matrix("features_early", n, 2) }},
		{"targets", func() array { return c.matrix("targets", n, 2) }},
	} {
		if c.below(4) >= 2 {
			arrays = append(arrays, a.make())
		}
	}
	return c.strange(arrays)
}

// words of a failure: the input's files.
func listed(paths ...string) func() string {
	return func() string {
		var b strings.Builder
		for _, p := range paths {
			text, _ := os.ReadFile(p)
			fmt.Fprintf(&b, "%s: %q\n", p, text)
		}
		return b.String()
	}
}

// fuzzMeasure returns the check of any flags of collapse measure, and small files that may be broken.
func fuzzMeasure(f testing.TB) func(*testing.T, []byte) int {
	dir := memory(f)
	slow := pages(dir)
	file, state := filepath.Join(dir, "a.npz"), filepath.Join(dir, "state.npz")
	margins := filepath.Join(dir, "margins.npz")
	replicates := oneOf("2", "3", "1", "-1", "0", "100001", "9223372036854775807", "x", "20")
	flags := []flag{{"json", nil}, {"k", (*choices).number}, {"global-mean", oneOf("samples", "classes", "all")},
		{"full", nil}, {"decay", (*choices).numeral}, {"outcomes", nil}, {"margins", oneOf(margins, "/")},
		{"bootstrap", replicates}, {"seed", (*choices).number},
		{"memory", oneOf("1", "1e3", "-1", "NaN", "1e400", "5MiB", "4GiB", "Inf", "", "1e18")},
		{"state", oneOf(state, "/")}, {"csv", nil}, {"classes", oneOf("all", "present", "")},
		{"features", oneOf(file, "absent", "", "[", "/")}, {"merge", oneOf(state)},
		{"features-dir", oneOf(dir, "", "absent")}, {"help", nil}, {"x", nil}}
	return func(t *testing.T, data []byte) int {
		c := &choices{data}
		c.write(t, file, c.measured())
		args := c.slow(append([]string{"measure", "--features", file}, c.args(flags)...), slow...)
		return check(t, rootOf(measureCommand()), args, listed(file))
	}
}

// fuzzCalibrate returns the check of any flags of collapse calibrate, and small files that may be
// broken.
func fuzzCalibrate(f testing.TB) func(*testing.T, []byte) int {
	dir := memory(f)
	slow := pages(dir)
	file, other := filepath.Join(dir, "a.npz"), filepath.Join(dir, "b.npz")
	replicates := oneOf("2", "3", "1", "-1", "0", "100001", "9223372036854775807", "x", "20")
	flags := []flag{{"json", nil}, {"bins", (*choices).number}, {"split", oneOf("labels", "test", "")},
		{"fit", oneOf("all", "split", "none")}, {"seed", (*choices).number}, {"grid", nil}, {"vector", nil},
		{"bootstrap", replicates}, {"consistency", replicates},
		{"logits-are", oneOf("probabilities", "logits", "log-probabilities", "percent")}, {"probabilities", nil},
		{"name", oneOf("a", "", "b")}, {"fast", nil}, {"logits", oneOf(other, "absent", "", "[")}, {"help", nil},
		{"x", nil}}
	return func(t *testing.T, data []byte) int {
		c := &choices{data}
		n, k := 1+c.below(20), 1+c.below(5)
		arrays := []array{c.matrix("logits", n, k), c.labels("labels", n, k)}
		if c.below(4) == 3 {
			arrays = append(arrays, c.matrix("test_logits", 9, k), c.labels("test_labels", 9, k))
		}
		c.write(t, file, c.strange(arrays))
		c.write(t, other, []array{c.matrix("logits", n, k), c.labels("labels", n, k)})
		args := c.slow(append([]string{"calibrate", "--logits", file, "--json"}, c.args(flags)...), slow...)
		if c.below(16) != 15 { // smooth ECE takes twenty times as long as all else
			args = append(args, "--fast")
		}
		return check(t, rootOf(calibrateCommand()), args, listed(file, other))
	}
}

// fuzzOOD returns the check of any flags of collapse ood, and small files that may be broken.
func fuzzOOD(f testing.TB) func(*testing.T, []byte) int {
	dir := memory(f)
	slow := pages(dir)
	file, other := filepath.Join(dir, "a.npz"), filepath.Join(dir, "b.npz")
	flags := []flag{{"json", nil}, {"scores", oneOf("msp", "knn,vim", "x", "", "neco,mahalanobis")},
		{"temperature", (*choices).numeral}, {"neighbours", (*choices).number}, {"bank", (*choices).number},
		{"vim-dim", (*choices).number}, {"neco-dim", (*choices).number}, {"neco-max-logit", nil},
		{"nci-alpha", (*choices).numeral}, {"bootstrap", oneOf("2", "3", "1", "-1", "0", "100001", "x", "20")},
		{"seed", (*choices).number}, {"id", oneOf("absent", "", "[", file)},
		{"ood", oneOf("b="+file, "a="+other, "=", "x", "b=absent")}, {"help", nil}, {"x", nil}}
	return func(t *testing.T, data []byte) int {
		c := &choices{data}
		arrays := c.measured()
		d := 1 + c.below(5)
		c.write(t, file, append(arrays, c.matrix("test_features", 5, d)))
		c.write(t, other, c.strange([]array{c.matrix("features", 1+c.below(9), d)}))
		args := c.slow(append([]string{"ood", "--id", file, "--ood", "a=" + other}, c.args(flags)...), slow...)
		return check(t, rootOf(oodCommand()), args, listed(file, other))
	}
}

// fuzzed fuzzes a check.
func fuzzed(f *testing.F, run func(*testing.T, []byte) int) {
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) { run(t, data) })
}

func FuzzUFM(f *testing.F)       { fuzzed(f, fuzzUFM(f)) }
func FuzzMeasure(f *testing.F)   { fuzzed(f, fuzzMeasure(f)) }
func FuzzCalibrate(f *testing.F) { fuzzed(f, fuzzCalibrate(f)) }
func FuzzOOD(f *testing.F)       { fuzzed(f, fuzzOOD(f)) }

// TestAnyCommandLine runs random inputs of each fuzz test, which is many times faster than go test
// -fuzz: 200, or as many as COLLAPSE_FUZZ says, from the seed COLLAPSE_FUZZ_SEED.
func TestAnyCommandLine(t *testing.T) {
	number := func(name string, otherwise int) int {
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
			return n
		}
		return otherwise
	}
	for name, of := range map[string]func(testing.TB) func(*testing.T, []byte) int{
		"ufm": fuzzUFM, "measure": fuzzMeasure, "calibrate": fuzzCalibrate,
		"ood": fuzzOOD,
	} {
		t.Run(name, func(t *testing.T) {
			run := of(t)
			rng := rand.New(rand.NewPCG(uint64(number("COLLAPSE_FUZZ_SEED", 1)), 0x66757a7a))
			began, codes := time.Now(), [3]int{}
			n := number("COLLAPSE_FUZZ", 200)
			for i := range n {
				data := make([]byte, rng.IntN(400))
				for j := range data {
					data[j] = byte(rng.Uint32())
				}
				codes[run(t, data)]++
				if (i+1)%20000 == 0 || i+1 == n {
					t.Logf("%d inputs in %v: exit codes 0, 1, 2: %v", i+1, time.Since(began), codes)
				}
			}
		})
	}
}
