package nc

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// wellConditioned is the condition number of a Gram matrix of H̄ up to which NC1 is
// taken through its Cholesky factor instead of the singular value decomposition of
// H̄, which takes many times as long for many classes. It is the square of σ_1/σ_r,
// and the error of that way is as many roundings.
const wellConditioned = 1e5

// decompose finds the rank of H̄ and what projects on its directions: those whose σ_r is over
// leastSingular and rankNoise, at most K−1, since Σ_k n_k (h̄_k − h_G) = 0 takes one
// away.
func (a *classSums) decompose(f *means, dots []float64) error {
	k, d := a.k, a.d
	if k == 1 {
		f.singular = []float64{0}
		return nil
	}
	if a.factor(f, dots) {
		return nil
	}
	f.gram = nil
	var svd mat.SVD
	if !svd.Factorize(mat.NewDense(k, d, f.centred), mat.SVDThin) {
		return errors.New("nc: the singular value decomposition of the class means did not converge")
	}
	f.singular = svd.Values(nil)
	least := max(leastSingular(d, k, f.singular[0]), f.rankNoise(k, d))
	for f.rank < min(d, k-1) && f.singular[f.rank] > least {
		f.rank++
	}
	if f.rank == 0 {
		return nil
	}
	var v mat.Dense // centred is K×d, the transpose of H̄: its left vectors are V
	svd.UTo(&v)
	if a.refine(f, &v) {
		return nil
	}
	var u mat.Dense
	svd.VTo(&u)
	f.dirs = make([]float64, f.rank*d)
	for r := range f.rank {
		for j := range d {
			f.dirs[r*d+j] = u.At(j, r) / f.singular[r]
		}
	}
	return nil
}

// factor sets gram and lower, and returns false where H̄ may not have full rank or is
// not well-conditioned.
//
// Where d < K, (H̄H̄ᵀ)⁻¹ = L⁻ᵀL⁻¹ with L the Cholesky factor. Else, with p = H̄ᵀx,
// xᵀ(H̄H̄ᵀ)†x = ‖(H̄ᵀH̄)†p‖². H̄ᵀH̄ has the null vector v of the class weights, since
// H̄v = 0; with a multiple of vvᵀ added it has an inverse, which on p is the
// pseudo-inverse, as vᵀp = 0. An orthogonal factor makes the inverse triangular.
func (a *classSums) factor(f *means, dots []float64) bool {
	k, d := a.k, a.d
	n := min(k, d)
	if least := math.Sqrt(floats.Sum(f.norm2) / float64(n) / wellConditioned); least <= f.rankNoise(k, d) {
		return false
	}
	regular := mat.NewSymDense(n, nil)
	if d < k {
		f.gram = mat.NewSymDense(d, nil)
		f.gram.SymOuterK(1, mat.NewDense(k, d, f.centred).T())
		regular.CopySym(f.gram)
	} else {
		f.gram = mat.NewSymDense(k, dots)
		null := mat.NewVecDense(k, nil)
		for c, n := range a.count {
			if null.SetVec(c, 1); f.over == OverSamples {
				null.SetVec(c, float64(n))
			}
		}
		null.ScaleVec(1/null.Norm(2), null)
		regular.SymRankOne(f.gram, mat.Trace(f.gram)/float64(k-1), null)
	}
	var chol mat.Cholesky
	if !chol.Factorize(regular) || !(chol.Cond() <= wellConditioned) {
		return false
	}
	out := make([]float64, n*n)
	if d < k {
		var factor, lower mat.TriDense
		chol.LTo(&factor)
		if err := lower.InverseTri(&factor); err != nil {
			return false
		}
		for i := range n {
			for j := range i + 1 {
				out[i*n+j] = lower.At(i, j)
			}
		}
	} else {
		var inverse mat.SymDense
		if err := chol.InverseTo(&inverse); err != nil {
			return false
		}
		// The orthogonal factor gives an upper triangle; with columns and rows in
		// reverse it is a lower one.
		reversed := mat.NewDense(n, n, nil)
		for i := range n {
			for j := range n {
				reversed.Set(i, j, inverse.At(i, n-1-j))
			}
		}
		var qr mat.QR
		qr.Factorize(reversed)
		var upper mat.Dense
		qr.RTo(&upper)
		for i := range n {
			for j := range i + 1 {
				out[i*n+j] = upper.At(n-1-i, n-1-j)
			}
		}
	}
	f.rank, f.lower = min(d, k-1), out
	return true
}

// singularValues returns the singular values of scale·H̄, descending; those after rank
// are 0 up to rounding.
func (f *means) singularValues() ([]float64, error) {
	if f.singular == nil {
		full := mat.DenseCopyOf(f.gram) // eigenvalues overwrites it
		n, _ := full.Dims()
		values, _, ok := eigenvalues(n, full.RawMatrix().Data, 0)
		if !ok {
			return nil, errors.New("nc: the eigenvalues of the class means' products did not converge")
		}
		for i, v := range values {
			values[i] = math.Sqrt(max(v, 0))
		}
		f.singular = values
	}
	return f.singular, nil
}

// refine finds dirs where H̄ is ill-conditioned. Rounding alone, of H̄ or in its
// decomposition, moves a small σ_r by σ_1 roundings. But VᵀH̄ᵀ, with H̄ in
// double-double arithmetic, has rows of about σ_r u_r that are right to their own
// size, and whatever V has lost, those rows T span what H̄ does:
// tr(Σ_W (H̄H̄ᵀ)†) is the mean of ‖(TTᵀ)⁻¹T(h−h̄_k)‖². With the rows scaled to
// length 1, TTᵀ is near I, unless σ_r is so small that V has lost its row: then
// refine returns false.
func (a *classSums) refine(f *means, v *mat.Dense) bool {
	k, d, r := a.k, a.d, f.rank
	t := mat.NewDense(r, d, nil)
	parallel(d, d*k*r, func(from, to int) {
		high, low := make([]float64, k), make([]float64, k)
		for j := from; j < to; j++ {
			a.column(f.over, j, high, low)
			for i := range r {
				var sum exact
				for c := range k {
					x := v.At(c, i)
					sum.addProduct(x, high[c]*f.scale)
					sum.low += x * (low[c] * f.scale)
				}
				t.Set(i, j, sum.value())
			}
		}
	})
	lengths := make([]float64, r)
	for i := range r {
		row := t.RawRowView(i)
		lengths[i] = floats.Norm(row, 2)
		if lengths[i] == 0 {
			return false
		}
		floats.Scale(1/lengths[i], row)
	}
	var gram mat.SymDense
	gram.SymOuterK(1, t)
	var chol mat.Cholesky
	if !chol.Factorize(&gram) || chol.Cond() > 1e3 {
		return false
	}
	var dirs mat.Dense
	if err := chol.SolveTo(&dirs, t); err != nil {
		return false
	}
	for i := range r {
		floats.Scale(1/lengths[i], dirs.RawRowView(i))
	}
	f.dirs = dirs.RawMatrix().Data
	return true
}

// projection returns how many numbers a sample's projection has.
func (f *means) projection() int {
	if f.lower != nil {
		return min(len(f.centred)/len(f.norm2), len(f.norm2))
	}
	return f.rank
}
