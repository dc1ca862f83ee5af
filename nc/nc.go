// Package nc measures neural collapse: how far the last-layer features and the
// classifier of a trained network are from a simplex equiangular tight frame.
//
//	classifier := nc.Classifier{K: k, D: d, W: w, B: b}
//	s, err := nc.Measure(nc.Slices(features, labels), classifier, nc.Options{})
//	fmt.Println(s.NC1, s.NC2, s.NC3)
//
// Symbols are the paper's. There are K classes and N samples; h_{k,i} ∈ ℝ^d is
// the feature of sample i of class k, h̄_k its class mean, h_G the global mean,
// H̄ the d×K matrix of the h̄_k − h_G, W the d×K matrix of the classifier's
// vectors w_k, and J = I − 11ᵀ/K. Features are given N×d row-major with labels
// 0…K−1, the classifier K×d row-major, as PyTorch stores it (the paper's Wᵀ).
//
// Metrics lists what is measured. A metric that is not defined for the input is NaN,
// and Summary.Note says why. All are computed in float64, whatever the input's type.
//
// Measure reads a Source twice, in batches: the first pass gives the class means,
// the second what is measured around them. Memory is O(K·d + K²), whatever N is;
// neither the N×d features nor a d×d covariance is ever held. Package nc/files has
// the source for .npz files.
//
// Who wants to run the passes alone, such as in several goroutines or on several
// machines, has one type for each:
//
//	sums, err := nc.NewSums(k, d)
//	for batch := range batches { err = sums.Add(batch) }
//	scatter, err := sums.Centre(&classifier)
//	for batch := range batches { err = scatter.Add(batch) }
//	s, err := scatter.Summary()
package nc
