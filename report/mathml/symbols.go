package mathml

import (
	"html"
	"strings"
	"unicode"
)

// symbols maps a command without arguments to what it shows.
var symbols = func() map[string]atom {
	m := map[string]atom{}
	put := func(tag string, c class, pairs string) {
		f := strings.Fields(pairs)
		for i := 0; i+1 < len(f); i += 2 {
			open := "<" + tag + ">"
			m[f[i]] = atom{open + html.EscapeString(f[i+1]) + "</" + strings.Fields(tag)[0] + ">", c}
		}
	}
	put("mi", ord, `alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι kappa κ
		lambda λ mu μ nu ν xi ξ pi π varpi ϖ rho ρ varrho ϱ
		sigma σ varsigma ς tau τ upsilon υ phi ϕ varphi φ chi χ psi ψ omega ω
		ell ℓ hbar ℏ imath ı jmath ȷ partial ∂ nabla ∇ infty ∞ emptyset ∅ varnothing ∅ Re ℜ Im ℑ aleph ℵ wp ℘`)
	put(`mi mathvariant="normal"`, ord, `Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ
		Upsilon Υ Phi Φ Psi Ψ Omega Ω
		top ⊤ bot ⊥ dagger † ddagger ‡ degree ° checkmark ✓ square □ blacksquare ■ star ⋆ prime ′`)
	put("mo", oper, `times × cdot ⋅ pm ± mp ∓ div ÷ ast ∗ circ ∘ bullet ∙ oplus ⊕ ominus ⊖ otimes
		⊗ odot ⊙ wedge ∧ land ∧ vee ∨ lor ∨
		cap ∩ cup ∪ setminus ∖ sqcup ⊔ uplus ⊎ amalg ⨿
		le ≤ leq ≤ leqslant ⩽ ge ≥ geq ≥ geqslant ⩾ ne ≠ neq ≠ equiv ≡
		approx ≈ sim ∼ simeq ≃ cong ≅ propto ∝ ll ≪ gg ≫ prec ≺ succ ≻
		preceq ⪯ succeq ⪰ asymp ≍ doteq ≐ lesssim ≲ gtrsim ≳ lt < gt > perp ⊥ parallel ∥ mid ∣ nmid ∤
		in ∈ notin ∉ ni ∋ subset ⊂ subseteq ⊆ supset ⊃ supseteq ⊇ vdash ⊢ models ⊨
		to → rightarrow → leftarrow ← gets ← leftrightarrow ↔
		Rightarrow ⇒ implies ⟹ Leftarrow ⇐ Leftrightarrow ⇔ iff ⟺ mapsto ↦
		longrightarrow ⟶ longmapsto ⟼ hookrightarrow ↪ uparrow ↑ downarrow ↓ nearrow ↗ searrow ↘
		forall ∀ exists ∃ neg ¬ lnot ¬ triangleq ≜ coloneqq ≔ colon : therefore ∴ because ∵`)
	put(`mo lspace="0" rspace="0"`, ord,
		`ldots … dots … cdots ⋯ vdots ⋮ ddots ⋱ dotsc … dotsb ⋯ % % # # & & _ _ $ $ angle ∠ backslash \ S §`)
	put("mo", limit, `sum ∑ prod ∏ coprod ∐ bigcup ⋃ bigcap ⋂ bigoplus ⨁ bigotimes ⨂ bigvee ⋁ bigwedge ⋀`)
	put("mo", oper, `int ∫ iint ∬ iiint ∭ oint ∮`)
	return m
}()

var spaces = map[string]string{
	",": "0.1667em", ":": "0.2222em", ">": "0.2222em", ";": "0.2778em", "!": "-0.1667em", " ": "0.3333em",
	"enspace": "0.5em", "quad": "1em", "qquad": "2em", "thinspace": "0.1667em",
}

var functions = set(`log ln lg exp sin cos tan cot sec csc arcsin
	arccos arctan sinh cosh tanh coth dim ker deg hom arg`)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// limitFunctions take a subscript below them in displayed formulas.
var limitFunctions = map[string]string{
	"min": "min", "max": "max", "sup": "sup", "inf": "inf", "lim": "lim", "limsup": "lim sup", "liminf": "lim inf",
	"det": "det", "gcd": "gcd", "Pr": "Pr", "argmin": "arg min", "argmax": "arg max",
}

type accent struct {
	sign     string
	stretchy bool
	under    bool
	limits   bool // a script goes below or above, as with \underbrace
}

var accents = map[string]accent{
	"bar": {sign: "¯"}, "hat": {sign: "^"}, "tilde": {sign: "~"}, "vec": {sign: "→"},
	"dot": {sign: "˙"}, "ddot": {sign: "¨"},
	"check": {sign: "ˇ"}, "breve": {sign: "˘"}, "acute": {sign: "´"}, "grave": {sign: "`"}, "mathring": {sign: "˚"},
	"widehat": {sign: "^", stretchy: true}, "widetilde": {sign: "~", stretchy: true},
	"overrightarrow": {sign: "→", stretchy: true}, "overleftarrow": {sign: "←", stretchy: true},
	"overbrace":  {sign: "⏞", stretchy: true, limits: true},
	"underbrace": {sign: "⏟", stretchy: true, under: true, limits: true},
}

type delim struct{ sign, form string }

var delimiters = map[string]delim{
	"(": {"(", "prefix"}, ")": {")", "postfix"}, "[": {"[", "prefix"}, "]": {"]", "postfix"},
	"|": {"|", ""}, `\vert`: {"|", ""}, `\|`: {"‖", ""}, `\Vert`: {"‖", ""},
	`\lvert`: {"|", "prefix"}, `\rvert`: {"|", "postfix"}, `\lVert`: {"‖", "prefix"}, `\rVert`: {"‖", "postfix"},
	`\{`: {"{", "prefix"}, `\}`: {"}", "postfix"}, `\lbrace`: {"{", "prefix"}, `\rbrace`: {"}", "postfix"},
	`\lbrack`: {"[", "prefix"}, `\rbrack`: {"]", "postfix"},
	`\langle`: {"⟨", "prefix"}, `\rangle`: {"⟩", "postfix"}, "<": {"⟨", "prefix"}, ">": {"⟩", "postfix"},
	`\lceil`: {"⌈", "prefix"}, `\rceil`: {"⌉", "postfix"}, `\lfloor`: {"⌊", "prefix"}, `\rfloor`: {"⌋", "postfix"},
	"/": {"/", "infix"}, ".": {"", ""},
}

var bigSizes = map[string]string{"big": "1.2em", "Big": "1.8em", "bigg": "2.4em", "Bigg": "3em"}

type environment struct {
	open, close string
	align       string // l, c, r, repeated over the columns
	display     bool
	aligned     bool // columns in pairs that touch
}

var environments = map[string]environment{
	"matrix": {}, "smallmatrix": {}, "array": {},
	"pmatrix": {open: "(", close: ")"}, "bmatrix": {open: "[", close: "]"}, "Bmatrix": {open: "{", close: "}"},
	"vmatrix": {open: "|", close: "|"}, "Vmatrix": {open: "‖", close: "‖"},
	"cases":   {open: "{", align: "l"},
	"aligned": {align: "rl", display: true, aligned: true}, "align": {align: "rl", display: true, aligned: true},
	"align*": {align: "rl", display: true, aligned: true}, "split": {align: "rl", display: true, aligned: true},
	"gathered": {display: true}, "gather": {display: true}, "gather*": {display: true},
	"equation": {display: true}, "equation*": {display: true},
}

// variant is a mathematical alphabet. MathML Core has no mathvariant but normal:
// the letters themselves change.
type variant struct {
	upper, lower, digit rune // of A, a and 0; 0 leaves the letter upright
	greek               rune // of α
	upperGreek          rune // of Α
	word                bool // letters join to a word, as in \mathrm{NC1}
	special             map[rune]rune
}

var alphabets = map[string]variant{
	"mathrm": {word: true}, "mathup": {word: true}, "rm": {word: true},
	"mathit":     {upper: 0x1D434, lower: 0x1D44E, special: map[rune]rune{'h': 'ℎ'}},
	"mathbf":     {upper: 0x1D400, lower: 0x1D41A, digit: 0x1D7CE, greek: 0x1D6C2, upperGreek: 0x1D6A8},
	"boldsymbol": {upper: 0x1D468, lower: 0x1D482, digit: 0x1D7CE, greek: 0x1D736, upperGreek: 0x1D71C},
	"bm":         {upper: 0x1D468, lower: 0x1D482, digit: 0x1D7CE, greek: 0x1D736, upperGreek: 0x1D71C},
	"mathsf":     {upper: 0x1D5A0, lower: 0x1D5BA, digit: 0x1D7E2},
	"mathtt":     {upper: 0x1D670, lower: 0x1D68A, digit: 0x1D7F6},
	"mathbb": {upper: 0x1D538, lower: 0x1D552, digit: 0x1D7D8, special: map[rune]rune{
		'C': 'ℂ', 'H': 'ℍ', 'N': 'ℕ', 'P': 'ℙ', 'Q': 'ℚ', 'R': 'ℝ', 'Z': 'ℤ'}},
	"mathcal": {upper: 0x1D49C, lower: 0x1D4B6, special: map[rune]rune{
		'B': 'ℬ', 'E': 'ℰ', 'F': 'ℱ', 'H': 'ℋ', 'I': 'ℐ', 'L': 'ℒ', 'M': 'ℳ', 'R': 'ℛ', 'e': 'ℯ', 'g': 'ℊ', 'o': 'ℴ'}},
	"mathfrak": {upper: 0x1D504, lower: 0x1D51E,
		special: map[rune]rune{'C': 'ℭ', 'H': 'ℌ', 'I': 'ℑ', 'R': 'ℜ', 'Z': 'ℨ'}},
}

func (v variant) rune(r rune) rune {
	if s, ok := v.special[r]; ok {
		return s
	}
	switch {
	case r >= 'A' && r <= 'Z' && v.upper != 0:
		return v.upper + r - 'A'
	case r >= 'a' && r <= 'z' && v.lower != 0:
		return v.lower + r - 'a'
	case r >= '0' && r <= '9' && v.digit != 0:
		return v.digit + r - '0'
	case r >= 'α' && r <= 'ω' && v.greek != 0:
		return v.greek + r - 'α'
	case r >= 'Α' && r <= 'Ω' && v.upperGreek != 0:
		return v.upperGreek + r - 'Α'
	}
	return r
}

// letters sets plain text in the alphabet: one element for a word, else one a letter.
func (v variant) letters(s string) string {
	if v.word {
		return `<mi mathvariant="normal">` + html.EscapeString(s) + "</mi>"
	}
	var b strings.Builder
	for _, r := range s {
		tag, attr := "mi", ` mathvariant="normal"`
		if unicode.IsDigit(r) {
			tag, attr = "mn", ""
		}
		b.WriteString("<" + tag + attr + ">" + html.EscapeString(string(v.rune(r))) + "</" + tag + ">")
	}
	if len([]rune(s)) != 1 {
		return mrow(b.String())
	}
	return b.String()
}

// inside sets the one-letter identifiers and the numbers of MathML in the alphabet.
func (v variant) inside(mml string) string {
	var b strings.Builder
	for {
		i := strings.Index(mml, "<m")
		if i < 0 {
			b.WriteString(mml)
			return b.String()
		}
		j := strings.Index(mml[i:], ">")
		if j < 0 {
			b.WriteString(mml)
			return b.String()
		}
		j += i + 1
		tag := mml[i:j]
		b.WriteString(mml[:i])
		mml = mml[j:]
		isMi := tag == "<mi>" || strings.HasPrefix(tag, "<mi ")
		if !isMi && tag != "<mn>" {
			b.WriteString(tag)
			continue
		}
		end := strings.Index(mml, "</")
		if end < 0 {
			end = len(mml)
		}
		text := html.UnescapeString(mml[:end])
		if isMi {
			tag = `<mi mathvariant="normal">`
		}
		b.WriteString(tag)
		if isMi && len([]rune(text)) > 1 {
			b.WriteString(html.EscapeString(text)) // a function's name stays upright
		} else {
			for _, r := range text {
				b.WriteString(html.EscapeString(string(v.rune(r))))
			}
		}
		mml = mml[end:]
	}
}
