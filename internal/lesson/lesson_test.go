package lesson

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"
	"testing/fstest"
)

// source is a lesson as committed, executed the copy that was run. The source reads a record.
const source = `{"cells":[
 {"cell_type":"markdown","id":"t","metadata":{},"source":["# <T>\n","é"]},
 {"cell_type":"code","execution_count":null,"id":"a","metadata":{},"outputs":[],
  "source":["var ce = nb.Run(\"x-ce\")"]},
 {"cell_type":"code","execution_count":null,"id":"m","metadata":{"tags":["unsaved"]},"outputs":[],
  "source":["live.Check()"]}],
 "metadata":{"kernelspec":{"name":"collapse"}},"nbformat":4,"nbformat_minor":5}`

func executed(t *testing.T, picture []byte) *Book {
	t.Helper()
	b, err := Parse([]byte(source))
	if err != nil {
		t.Fatal(err)
	}
	n := 7
	html, _ := json.Marshal([]string{"<script>1</script>"})
	text, _ := json.Marshal("a figure\nits words")
	img, _ := json.Marshal(base64.StdEncoding.EncodeToString(picture) + "\n")
	b.Cells[1].Count = &n
	b.Cells[1].Metadata = json.RawMessage(`{"execution":{"iopub.status.busy":"2026-12-01T05:25:38Z"}}`)
	b.Cells[1].Outputs = []Output{{Type: "stream", Name: "stdout", Text: "one\n"},
		{Type: "stream", Name: "stdout", Text: "two\n"},
		{Type: "stream", Name: "stderr", Text: "took 3 s"},
		{Type: "display_data", Data: map[string]json.RawMessage{
			"text/html": html, "text/plain": text, "image/png": img},
			Meta: map[string]json.RawMessage{"image/png": json.RawMessage(`{"alt":"a picture's words"}`),
				"gonb": json.RawMessage(`1`)}}}
	b.Cells[2].Outputs = []Output{{Type: "stream", Name: "stdout", Text: "/home/me"}}
	return b
}

// gradient is a picture of more than 256 colours on white, as a heat map's.
func gradient(t *testing.T) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, 64, 64))
	for y := range 64 {
		for x := range 64 {
			img.SetNRGBA(x, y, color.NRGBA{uint8(4 * x), uint8(4 * y), 0x80, 0xFF})
			if y < 20 {
				img.SetNRGBA(x, y, color.NRGBA{0xFF, 0xFF, 0xFF, 0xFF})
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func save(t *testing.T, root fstest.MapFS) (*Book, []byte) {
	t.Helper()
	book, err := Parse([]byte(source))
	if err != nil {
		t.Fatal(err)
	}
	if err := book.Save(executed(t, gradient(t)), root); err != nil {
		t.Fatal(err)
	}
	b, err := book.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return book, b
}

func TestSaveKeepsPicturesAndWordsAlone(t *testing.T) {
	_, b := save(t, fstest.MapFS{})
	text := string(b)
	for _, want := range []string{`"execution_count": 1`, `"one\n"`, `"two\n"`, `"a figure\n"`, `"its words"`,
		"image/png", `"# <T>\n"`, `"é"`, `"alt": "a picture's words"`, `"outputs_made_from"`, `"name": "collapse"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the lesson lacks %s", want)
		}
	}
	for _, bad := range []string{"text/html", "took 3 s", "2026-12", "/home/me", "gonb", `\u003c`} {
		if strings.Contains(text, bad) {
			t.Errorf("the lesson holds %s", bad)
		}
	}
	again, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	same, err := again.Bytes()
	if err != nil || !bytes.Equal(same, b) {
		t.Errorf("read and written again the lesson differs: %v", err)
	}
	if n := len(again.Cells[1].Outputs); n != 2 {
		t.Errorf("%d outputs, want what was printed as one, and the figure", n)
	}
}

func TestSaveRefusesACopyOfAnotherLesson(t *testing.T) {
	for name, change := range map[string]func(*Book){
		"another source": func(b *Book) { b.Cells[1].Source = []string{"x"} },
		"a missing cell": func(b *Book) { b.Cells = b.Cells[:2] },
	} {
		copied := executed(t, gradient(t))
		change(copied)
		book, _ := Parse([]byte(source))
		if err := book.Save(copied, fstest.MapFS{}); err == nil {
			t.Errorf("%s gave no error", name)
		}
	}
}

func TestOutputsAreOutOfDate(t *testing.T) {
	root := fstest.MapFS{"records/x-ce.json": {Data: []byte("1")}, "records/y.json": {Data: []byte("1")}}
	book, _ := save(t, root)
	now := func() string {
		sum, err := book.MadeFrom(root)
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	if book.Saved() == "" || book.Saved() != now() {
		t.Errorf("just saved, the sum is %q and was %q", now(), book.Saved())
	}
	root["records/y.json"].Data = []byte("2")
	book.Cells[0].Source = []string{"another text"}
	if book.Saved() != now() {
		t.Error("a record that no cell names, or a text, makes outputs out of date")
	}
	root["records/x-ce.json"].Data = []byte("2")
	if book.Saved() == now() {
		t.Error("a record that a cell names has changed unnoticed")
	}
	root["records/x-ce.json"].Data = []byte("1")
	book.Cells[1].Source = []string{`var ce = nb.Run("x-ce") // changed`}
	if book.Saved() == now() {
		t.Error("code has changed unnoticed")
	}
	for source, record := range map[string]string{`var all = nb.Runs("x-c*")`: "x-ce-2022",
		`nb.Runs()`: "z", `nb.Reproduce("fig1")`: "cifar10-twin-ce-2021"} {
		book.Cells[1].Source = []string{source}
		before := now()
		root["records/"+record+".json"] = &fstest.MapFile{Data: []byte("3")}
		if before == now() {
			t.Errorf("%s: the new record %s was not noticed", source, record)
		}
		delete(root, "records/"+record+".json")
	}
	// A claim's result is among what an output is made from.
	book.Cells[1].Source = []string{`nb.Compare("c3.2-etf-max-separation")`}
	delete(root, "records/x-ce.json")
	delete(root, "records/y.json")
	if now() == "" {
		t.Error("no sum")
	}
	book.Cells[1].Source = []string{`nb.Compare("c9")`}
	if _, err := book.MadeFrom(root); err == nil {
		t.Error("an unknown claim gave no error")
	}
}

func TestShrinkKeepsThePicture(t *testing.T) {
	big := gradient(t)
	small, err := shrink(big)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := png.Decode(bytes.NewReader(big))
	b, err := png.Decode(bytes.NewReader(small))
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := b.ColorModel().(color.Palette); !ok || len(p) > 256 {
		t.Errorf("the picture has no palette of at most 256 colours")
	}
	if b.At(3, 3) != color.Color(color.RGBA{0xFF, 0xFF, 0xFF, 0xFF}) {
		if r, g, bl, _ := b.At(3, 3).RGBA(); r != 0xFFFF || g != 0xFFFF || bl != 0xFFFF {
			t.Errorf("white became %v", b.At(3, 3))
		}
	}
	for y := range 64 {
		for x := range 64 {
			r0, g0, b0, _ := a.At(x, y).RGBA()
			r1, g1, b1, _ := b.At(x, y).RGBA()
			for _, d := range [][2]uint32{{r0, r1}, {g0, g1}, {b0, b1}} {
				if diff := int(d[0]>>8) - int(d[1]>>8); diff < -24 || diff > 24 {
					t.Fatalf("at %d, %d a colour differs by %d of 255", x, y, diff)
				}
			}
		}
	}
	again, err := shrink(big)
	if err != nil || !bytes.Equal(small, again) {
		t.Error("the same picture gives other bytes")
	}
}
