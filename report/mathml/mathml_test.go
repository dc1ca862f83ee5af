package mathml

import (
	"encoding/xml"
	"io"
	"regexp"
	"strings"
	"testing"
)

// formulas are those of the paper's symbols, losses, metrics and theorems, as
// the notebooks write them.
var formulas = []string{
	`\bar{h}_k = \frac{1}{n}\sum_{i=1}^{n} h_{k,i}`,
	`\bar H = [\bar h_1 - h_G, \ldots, \bar h_K - h_G]`,
	`\mathrm{NC1} = \frac{1}{K}\operatorname{tr}\left(\Sigma_W \Sigma_B^{\dagger}\right)`,
	`\mathrm{NC2} = \left\lVert \frac{W^\top \bar{H}}{\lVert W^\top \bar{H}\rVert_F} - ` +
		`\frac{1}{\sqrt{K-1}}\left(I_K - \tfrac{1}{K}\mathbf{1}\mathbf{1}^\top\right) \right\rVert_F`,
	`\mathrm{NC3} = \Bigl\| \frac{\mathbf{W}}{\|\mathbf{W}\|_F} - ` +
		`\frac{\bar{\mathbf{H}}}{\|\bar{\mathbf{H}}\|_F} \Bigr\|_F`,
	`y^{\delta} = (1-\delta)\, e_k + \frac{\delta}{K}\mathbf{1}_K`,
	`\ell(z, y^\delta) = -\sum_{j} y^\delta_j \log \operatorname{softmax}(z)_j`,
	`a = \begin{cases} \log\left(\frac{K}{s+\delta} - K + 1\right) & s+\delta < 1 \\ 0 & \text{otherwise} \end{cases}`,
	`\begin{pmatrix} a & b \\ c & d \end{pmatrix}`,
	`\begin{aligned} \Sigma_W &= \frac1N \sum_{k,i} (h_{k,i}-\bar h_k)(h_{k,i}-\bar h_k)^\top \\ ` +
		`\Sigma_B &= \frac1K \sum_k (\bar h_k - h_G)(\bar h_k - h_G)^\top \end{aligned}`,
	`\min_{W,H,b} \frac{1}{N}\sum_{k=1}^K\sum_{i=1}^n \ell(W^\top h_{k,i}+b,\, y_k^\delta) + ` +
		`\frac{\lambda_W}{2}\|W\|_F^2`,
	`\hat{p} \in \mathbb{R}^{d \times K}, \quad \mathcal{L} \approx 0`,
	`\underbrace{a+b}_{\text{the sum}} \overline{xy}\, \boldsymbol{\delta} \binom{n}{k}`,
	`W^* = \sqrt{a}\,\Bigl(\frac{n\lambda_H}{\lambda_W}\Bigr)^{1/4} P J`,
	`\arg\min_k \|h - \bar h_k\|`, `\delta = 0{,}05`, `10^{-3}`, `x'`, `f''_1`, `\sqrt[3]{x}`, `n = 5\,000`, `100\,\%`,
	`p_t = 1-(K-1)p_n > \tfrac12`, `h_1, \dots, h_N`, `\kappa = K - (K-1)(s+\delta)`, `w_k^\top h + b_k`, `(5, 5)`,
}

// wellFormed fails where out is not XML or has an element that MathML Core lacks.
func wellFormed(t *testing.T, tex, out string) {
	t.Helper()
	core := set("math mrow mi mn mo mtext mspace mfrac msqrt mroot msub msup msubsup munder mover munderover mtable " +
		"mtr mtd mstyle mphantom")
	kids := []int{}
	var open []string
	want := map[string]int{"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "msubsup": 3, "munder": 2,
		"mover": 2, "munderover": 3}
	for d := xml.NewDecoder(strings.NewReader(out)); ; {
		tok, err := d.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatalf("%s: %v in %s", tex, err, out)
		}
		switch v := tok.(type) {
		case xml.StartElement:
			if !core[v.Name.Local] {
				t.Errorf("%s: <%s> is not MathML Core", tex, v.Name.Local)
			}
			if len(kids) > 0 {
				kids[len(kids)-1]++
			}
			kids, open = append(kids, 0), append(open, v.Name.Local)
		case xml.EndElement:
			n := len(kids) - 1
			if w, ok := want[open[n]]; ok && kids[n] != w {
				t.Errorf("%s: <%s> has %d children, want %d: %s", tex, open[n], kids[n], w, out)
			}
			kids, open = kids[:n], open[:n]
		}
	}
}

func TestConvertPaper(t *testing.T) {
	for _, f := range formulas {
		for _, display := range []bool{false, true} {
			out, err := Convert(f, display)
			if err != nil {
				t.Errorf("%s: %v", f, err)
				continue
			}
			wellFormed(t, f, out)
		}
	}
}

var math = regexp.MustCompile(`^<math[^>]*>|</math>$`)

func TestConvert(t *testing.T) {
	for tex, want := range map[string]string{
		`x_1^2`: `<mrow><msubsup><mi>x</mi><mn>1</mn><mn>2</mn></msubsup></mrow>`,
		`x^2_1`: `<mrow><msubsup><mi>x</mi><mn>1</mn><mn>2</mn></msubsup></mrow>`,
		`\|w\|`: `<mrow><mo stretchy="false" lspace="0" rspace="0">‖</mo><mi>w</mi><mo ` +
			`stretchy="false" lspace="0" rspace="0">‖</mo></mrow>`,
		`a < b`:   `<mrow><mi>a</mi><mo>&lt;</mo><mi>b</mi></mrow>`,
		`0.05`:    `<mrow><mn>0.05</mn></mrow>`,
		`\frac12`: `<mrow><mfrac><mn>1</mn><mn>2</mn></mfrac></mrow>`,
		`\sum_i`:  `<mrow><munder><mo>∑</mo><mi>i</mi></munder></mrow>`,
		`\bar h_k`: `<mrow><msub><mover accent="true"><mi>h</mi><mo stretchy="false">¯</mo></mover>` +
			`<mi>k</mi></msub></mrow>`,
		`2\operatorname{tr} A`: `<mrow><mn>2</mn>` + thin +
			`<mi mathvariant="normal">tr</mi>` + thin + `<mi>A</mi></mrow>`,
		`\log(x)`: `<mrow><mi>log</mi><mo stretchy="false" form="prefix">(</mo><mi>x</mi><mo ` +
			`stretchy="false" form="postfix">)</mo></mrow>`,
		`\mathbf{W}`:          `<mrow><mi mathvariant="normal">𝐖</mi></mrow>`,
		`\mathbb R`:           `<mrow><mi mathvariant="normal">ℝ</mi></mrow>`,
		`\boldsymbol{\delta}`: `<mrow><mrow><mi mathvariant="normal">𝜹</mi></mrow></mrow>`,
		`\text{if } x`:        "<mrow><mtext>if\u00a0</mtext><mi>x</mi></mrow>",
		`\mathrm{NC1}`:        `<mrow><mi mathvariant="normal">NC1</mi></mrow>`,
		`a \not= b`:           "<mrow><mi>a</mi><mo>=\u0338</mo><mi>b</mi></mrow>",
		`% note` + "\n" + `x`: `<mrow><mi>x</mi></mrow>`,
	} {
		out, err := Convert(tex, true)
		if err != nil {
			t.Errorf("%s: %v", tex, err)
			continue
		}
		if got := math.ReplaceAllString(out, ""); got != want {
			t.Errorf("%s:\n got %s\nwant %s", tex, got, want)
		}
	}
}

func TestConvertErrors(t *testing.T) {
	for tex, want := range map[string]string{
		`\frac{a`:                       "closing }",
		`{`:                             "closing }",
		`}`:                             "unexpected",
		`x_`:                            "argument is missing",
		`x^a^b`:                         "second superscript",
		`\frac{a}`:                      "argument is missing",
		`\unknown x`:                    `unknown command \unknown`,
		`\left( x`:                      `\left without \right`,
		`x \right)`:                     "unexpected",
		`\begin{pmatrix} a`:             `\end{pmatrix} is missing`,
		`\begin{pmatrix} a \end{cases}`: `ended by \end{cases}`,
		`\begin{tikz} \end{tikz}`:       "unknown environment",
		`\text{a`:                       "closing }",
		`a & b`:                         "unexpected",
		`\`:                             "single backslash",
		strings.Repeat("{", 5000):       "nest deeper",
	} {
		if out, err := Convert(tex, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: got %q, %v; want an error with %q", tex, out, err, want)
		}
	}
}

// FuzzConvert: no input panics or hangs, and what is accepted is well-formed.
func FuzzConvert(f *testing.F) {
	for _, s := range formulas {
		f.Add(s)
	}
	for _, s := range []string{`\left.\right`, `\begin{array}{c|c}\\[`, `\not`, `\mathbf\sum`, `x'''^2`, `\bigl`, `\\`,
		`\operatorname*{`, "\x00", `\sqrt[[]]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 2000 || strings.IndexFunc(s, func(r rune) bool {
			return r < 32 && r != '\n' && r != '\t' || r == 0xFFFD || r >= 0xFFFE && r <= 0xFFFF
		}) >= 0 {
			return // not XML's characters
		}
		if out, err := Convert(s, true); err == nil {
			wellFormed(t, s, out)
		}
	})
}
