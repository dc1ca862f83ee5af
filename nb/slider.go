package nb

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"strings"
)

// A Frame is one position of a slider: what the label next to it says and the HTML
// that is shown there. Make pictures with SVGImage or FigureHTML.
type Frame struct {
	Label string
	HTML  string
	Text  string // the frame in words, for a terminal
}

// Slider shows a slider over frames, at frame start (0 is the first). It needs no
// kernel: the frames travel with the output, so that it also works offline, in
// an exported page and while another cell runs. Where scripts are stripped, as in
// an untrusted notebook, frame start stays visible without the slider.
func Slider(name string, start int, frames ...Frame) {
	b, err := sliderBundle(name, start, frames)
	Try(err)
	Display("", b)
}

func sliderBundle(name string, start int, frames []Frame) (Bundle, error) {
	if start < 0 || start >= len(frames) {
		return Bundle{}, fmt.Errorf("slider %q: start %d is not one of its %d frames; give 0 to %d", name,
			start, len(frames), len(frames)-1)
	}
	labels, bodies := make([]string, len(frames)), make([]string, len(frames))
	var text strings.Builder
	for i, f := range frames {
		labels[i], bodies[i] = f.Label, f.HTML
		fmt.Fprintf(&text, "%s %s: %s\n", name, f.Label, f.Text)
	}
	// json.Marshal escapes <, > and &, so that a frame cannot end the script.
	data, err := json.Marshal([2][]string{labels, bodies})
	if err != nil {
		return Bundle{}, fmt.Errorf("slider %q: %w", name, err)
	}
	// The id follows from the content: the same cell gives the same output, and two
	// equal sliders on a page show the same frames, so that one script may serve both.
	sum := sha256.Sum256(data)
	id := "collapse-slider-" + hex.EncodeToString(sum[:6])
	// The control itself is made by the script, so that a reader sees no dead control
	// where the script was stripped.
	page := fmt.Sprintf(`<div class="%[1]s"><div></div><div>%[2]s</div></div>
<script>for (const box of document.querySelectorAll(".%[1]s")) {
 const [labels, bodies] = %[3]s, [control, frame] = box.children;
 control.innerHTML = '<label>%[4]s <input type="range" min="0" max="%[5]d" value="%[6]d" ' +
  'style="width:20em;vertical-align:middle"> <output></output></label>';
 const range = control.querySelector("input"), output = control.querySelector("output");
 output.textContent = labels[%[6]d];
 range.oninput = () => { output.textContent = labels[range.value]; frame.innerHTML = bodies[range.value]; };
}</script>`, id, bodies[start], data, template.JSEscapeString(html.EscapeString(name)), len(frames)-1, start)
	return Bundle{HTML: page, Text: text.String()}, nil
}
