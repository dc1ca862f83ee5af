package figures

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Evenness draws one sample whose own class has the probability p, and whose other K−1 logits lie at
// equal distances with standard deviation sd (over K−2, as record.Logits has it): the probabilities of
// these classes, and both losses against sd, with a mark at this one. Cross entropy is −log p whatever
// sd; the loss of label smoothing is larger by UnevenPrice. K is at least 3, δ and p in (0, 1), sd from
// 0 to 4.
func Evenness(k int, p, delta, sd float64) (*Figure, error) {
	if k < 3 || !(delta > 0 && delta < 1) || !(p > 0 && p < 1) || !(sd >= 0 && sd <= mostUneven) {
		return nil, fmt.Errorf("figures: K = %d, p = %g, δ = %g, sd = %g; want K of at least 3, p and δ in (0, 1), "+
			"sd from 0 to %d", k, p, delta, sd, mostUneven)
	}
	ce := -math.Log(p)
	bound := evenLoss(k, p, delta)
	flat, rising := &curve{line: lineStyle(0)}, &curve{line: lineStyle(1)}
	for i := range 81 {
		x := mostUneven * float64(i) / 80
		flat.x, flat.y = append(flat.x, x), append(flat.y, ce)
		rising.x, rising.y = append(rising.x, x), append(rising.y, bound+UnevenPrice(k, delta, x))
	}
	here := draw.GlyphStyle{Color: ink, Radius: vg.Points(3.5), Shape: draw.CircleGlyph{}}
	loss := newChart("(b) loss", "standard deviation of the other logits", "loss (nats)")
	addCurves(loss, false, []*curve{flat, rising,
		{x: []float64{sd, sd}, y: []float64{ce, bound + UnevenPrice(k, delta, sd)}, glyph: &here, points: true}})
	share := newChart("(a) the other classes", "class, by its logit", "probability")
	share.X.Tick.Marker = plot.TickerFunc(wholeTicks)
	b := &bars{y: othersOf(k, sd), mean: math.NaN()}
	for i := range b.y {
		b.y[i] *= 1 - p
	}
	share.X.Min, share.X.Max, share.Y.Min, share.Y.Max = -0.6, float64(k-1)-0.4, 0, 1-p
	share.Add(grid{}, b)
	f := &Figure{Title: fmt.Sprintf("Own class %g, K = %d, δ = %g", p, k, delta),
		Caption: fmt.Sprintf("The other logits have the standard deviation %g. CE: %.4f; LS: %.4f, of that %.4f for "+
			"unevenness.", sd, ce, bound+UnevenPrice(k, delta, sd), UnevenPrice(k, delta, sd)),
		Alt: "Probabilities of the other classes as bars; loss of CE, which is flat, and of LS, which grows with the " +
			"standard deviation of their logits."}
	block := []entry{{"CE", flat}, {fmt.Sprintf("LS (δ = %g)", delta), rising}}
	return f, f.draw(560, 250, func(c draw.Canvas) {
		c.Max.Y -= legend{block}.draw(c)
		drawPanels(c, 2, []panel{share, loss})
	})
}

// mostUneven is the largest standard deviation that Evenness draws.
const mostUneven = 4

// evenLoss is the bound of Equation 8: the loss of a sample whose other classes are equally probable.
func evenLoss(k int, p, delta float64) float64 {
	others := float64(k - 1)
	part := delta / float64(k)
	return -(1-part*others)*math.Log(p) - part*others*math.Log((1-p)/others)
}

// UnevenPrice is by how much the label-smoothing loss (Eq 7) of a sample is above its bound (Eq 8) when
// the K−1 other logits lie at equal distances with standard deviation sd (over K−2):
// δ(K−1)/K·log(mean of e^(z−z̄)). It does not depend on the probability of the sample's own class, and
// is 0 for cross entropy.
func UnevenPrice(k int, delta, sd float64) float64 {
	var sum float64
	for _, u := range evenlySpaced(k - 1) {
		sum += math.Exp(sd*u) / float64(k-1)
	}
	return delta * float64(k-1) / float64(k) * math.Log(sum)
}

// othersOf returns the softmax of K−1 logits at equal distances.
func othersOf(k int, sd float64) []float64 {
	p := evenlySpaced(k - 1)
	var sum float64
	for i := range p {
		p[i] = math.Exp(sd * p[i])
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// evenlySpaced returns n numbers at equal distances with mean 0 and standard deviation 1 (over n−1).
func evenlySpaced(n int) []float64 {
	u := make([]float64, n)
	var square float64
	for i := range u {
		u[i] = float64(i) - float64(n-1)/2
		square += u[i] * u[i]
	}
	for i := range u {
		u[i] /= math.Sqrt(square / float64(n-1))
	}
	return u
}

// BetweenMeans draws what a network at collapse says of a feature on the straight line from one class
// mean to another (Theorem 4.1: W and the means are one simplex ETF, and at a mean the own logit is
// above each other by the margin): the probabilities of both classes and the entropy, against the
// share of the way. K is at least 2 and the margin from 0 to
// 100; the axes are the same for every margin.
func BetweenMeans(k int, margin float64) (*Figure, error) {
	if k < 2 || !(margin >= 0 && margin <= 100) {
		return nil, fmt.Errorf("figures: K = %d and a margin of %g; want K of at least 2 and a margin from 0 to 100", k,
			margin)
	}
	first, second := &curve{line: lineStyle(0)}, &curve{line: lineStyle(1)}
	entropy := &curve{line: lineStyle(2)}
	for i := range 101 {
		t := float64(i) / 100
		p, q, h := onTheWay(k, margin, t)
		first.x, second.x, entropy.x = append(first.x, t), append(second.x, t), append(entropy.x, t)
		first.y, second.y, entropy.y = append(first.y, p), append(second.y, q), append(entropy.y, h)
	}
	p := newChart("", "share of the way from the mean of class 1 to that of class 2",
		"probability; entropy (nats)")
	addCurves(p, false, []*curve{first, second, entropy})
	p.Y.Max = 1.05 * math.Log(float64(k))
	_, most, end := onTheWay(k, margin, 1)
	_, _, middle := onTheWay(k, margin, 0.5)
	f := &Figure{Title: fmt.Sprintf("Between two class means, K = %d, margin %g", k, margin),
		Caption: fmt.Sprintf("Half way the entropy is %.3f. At the mean of class 2 it is %.3f, and class 2 has the "+
			"probability %.3f, whatever the sample's own class is.", middle, end, most),
		Alt: "Probability of class 1, which decreases, of class 2, which increases, and the entropy, which is " +
			"largest half way."}
	block := []entry{{"class 1", first}, {"class 2", second}, {"entropy", entropy}}
	return f, f.draw(400, 270, func(c draw.Canvas) {
		c.Max.Y -= legend{block}.draw(c)
		drawPanels(c, 1, []panel{p})
	})
}

// onTheWay returns the probabilities of class 1 and 2 and the entropy of a feature at a share t of the
// way from the mean of class 1 to that of class 2. Above the logits of the others, which are equal,
// class 1's is by margin·(1−t) and class 2's by margin·t.
func onTheWay(k int, margin, t float64) (first, second, entropy float64) {
	a, b := margin*(1-t), margin*t
	sum := math.Exp(a) + math.Exp(b) + float64(k-2)
	first, second = math.Exp(a)/sum, math.Exp(b)/sum
	return first, second, math.Log(sum) - first*a - second*b
}
