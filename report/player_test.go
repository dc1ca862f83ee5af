package report

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/internal/player"
)

// A page keeps a slider's frames, and moves them by this package's script alone.
func TestPageWithASlider(t *testing.T) {
	page := func(html string, hidden bool) string {
		type object = map[string]any
		b, err := json.Marshal(object{"nbformat": 4, "cells": []any{object{
			"cell_type": "code", "source": "nb.Predict(secret)",
			"metadata": object{"jupyter": object{"source_hidden": hidden}},
			"outputs":  []any{object{"output_type": "display_data", "data": object{"text/html": html}}}}}})
		if err != nil {
			t.Fatal(err)
		}
		book, err := readNotebook(strings.NewReader(string(b)))
		if err != nil {
			t.Fatal(err)
		}
		p := &page{site: &site{root: "."}, ids: map[string]bool{}, body: book.body}
		if err := p.write(); err != nil {
			t.Fatal(err)
		}
		return string(p.html)
	}
	slider := `<div class="collapse-frames" data-axes="[{&#34;name&#34;:&#34;δ&#34;}]">` +
		`<div class="collapse-frame">first</div>` +
		`<div class="collapse-frame" hidden>second</div></div><script>alert(1)</script>`
	got := page(slider, false)
	for _, want := range []string{`data-axes="[{&#34;name&#34;:&#34;δ&#34;}]"`,
		`<div class="collapse-frame" hidden="">second`, "<script>" + player.Script + "</script>"} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %.80s", want)
		}
	}
	if n := strings.Count(got, "<script"); n != 1 || strings.Contains(got, "alert(1)") {
		t.Errorf("%d scripts, want the page's own alone", n)
	}
	if !strings.Contains(got, "secret") {
		t.Error("a cell's source is missing")
	}
	got = page("<p>no slider</p>", true)
	if strings.Contains(got, "<script") {
		t.Error("a page without a slider has a script")
	}
	if strings.Contains(got, "secret") {
		t.Error("a hidden source is shown")
	}
}
