package figures

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	fix "golang.org/x/image/math/fixed"
	plotfont "gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgpdf"
)

// fixPDF makes documents the same from run to run: no date, fonts and images in order.
var fixPDF = sync.OnceFunc(func() {
	fpdf.SetDefaultCreationDate(time.Unix(0, 0).UTC())
	fpdf.SetDefaultModificationDate(time.Unix(0, 0).UTC())
	fpdf.SetDefaultCatalogSort(true)
})

// PDF returns the same picture as a PDF document of one page, Width by Height pixels of 1/96 inch.
// Its texts are outlines, because vgpdf's fonts have neither Greek letters nor ‖. The bytes are the
// same from run to run.
func (f *Figure) PDF() (b []byte, err error) {
	if f.paint == nil {
		return nil, errors.New("figures: this figure was not drawn here, so it has no PDF")
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("figures: drawing failed: %v", r)
		}
	}()
	fixPDF()
	w, h := vg.Points(f.Width/pxPerPoint), vg.Points(f.Height/pxPerPoint)
	doc := vgpdf.New(w, h)
	f.paint(draw.NewCanvas(outlined{doc}, w, h))
	var out bytes.Buffer
	if _, err := doc.WriteTo(&out); err != nil {
		return nil, fmt.Errorf("figures: PDF: %w", err)
	}
	return out.Bytes(), nil
}

// outlined is a canvas that fills the outlines of a text's glyphs.
type outlined struct{ vg.Canvas }

// FillString implements vg.Canvas.
func (o outlined) FillString(face plotfont.Face, pt vg.Point, text string) {
	if face.Font.Size == 0 {
		return
	}
	var buf sfnt.Buffer
	// Outlines are read at 64 units for a font unit of 1/ppem of the size, and scaled down.
	const ppem = 2048
	scale := face.Font.Size / (ppem * 64)
	at := func(p fix.Point26_6) vg.Point {
		return vg.Point{X: pt.X + vg.Length(p.X)*scale, Y: pt.Y - vg.Length(p.Y)*scale}
	}
	previous := sfnt.GlyphIndex(0)
	for i, r := range text {
		glyph, err := face.Face.GlyphIndex(&buf, r)
		if err != nil {
			panic(err)
		}
		if i > 0 {
			if kern, err := face.Face.Kern(&buf, previous, glyph, fix.I(ppem), font.HintingNone); err == nil {
				pt.X += vg.Length(kern) * scale
			}
		}
		segments, err := face.Face.LoadGlyph(&buf, glyph, fix.I(ppem), nil)
		if err != nil {
			panic(err)
		}
		if path := outline(segments, at); len(path) > 0 {
			o.Fill(path)
		}
		advance, err := face.Face.GlyphAdvance(&buf, glyph, fix.I(ppem), font.HintingNone)
		if err != nil {
			panic(err)
		}
		pt.X += vg.Length(advance) * scale
		previous = glyph
	}
}

// outline turns a glyph's segments into a path.
func outline(segments sfnt.Segments, at func(fix.Point26_6) vg.Point) (path vg.Path) {
	for i, s := range segments {
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			if i > 0 {
				path.Close()
			}
			path.Move(at(s.Args[0]))
		case sfnt.SegmentOpLineTo:
			path.Line(at(s.Args[0]))
		case sfnt.SegmentOpQuadTo:
			path.QuadTo(at(s.Args[0]), at(s.Args[1]))
		case sfnt.SegmentOpCubeTo:
			path.CubeTo(at(s.Args[0]), at(s.Args[1]), at(s.Args[2]))
		}
	}
	if len(path) > 0 {
		path.Close()
	}
	return path
}
