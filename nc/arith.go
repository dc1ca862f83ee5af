package nc

import (
	"math"
	"runtime"
	"sync"
)

// twoSum returns the rounded sum of a and b and its rounding error (Knuth).
func twoSum(a, b float64) (sum, err float64) {
	sum = a + b
	bb := sum - a
	return sum, (a - (sum - bb)) + (b - bb)
}

// exact is a sum that keeps what rounding takes from it.
type exact struct{ high, low float64 }

func (e *exact) add(x float64) {
	s, r := twoSum(e.high, x)
	e.high = s
	e.low += r
}

// addProduct adds x·y with the product's rounding.
func (e *exact) addProduct(x, y float64) {
	p := x * y
	e.add(p)
	e.low += math.FMA(x, y, -p)
}

func (e *exact) merge(o exact) {
	e.add(o.high)
	e.low += o.low
}

func (e exact) value() float64 { return e.high + e.low }

// squaredDistance returns ‖a − b‖².
func squaredDistance(a, b []float64) float64 {
	b = b[:len(a)]
	var s float64
	for j, x := range a {
		v := x - b[j]
		s += v * v
	}
	return s
}

// parallelWork is the number of elements under which a goroutine costs more than
// it saves.
const parallelWork = 1 << 15

// parallel calls f on parts of 0…n−1, at once where work elements are worth it.
func parallel(n, work int, f func(from, to int)) {
	parts := min(runtime.GOMAXPROCS(0), n, work/parallelWork)
	if parts < 2 {
		f(0, n)
		return
	}
	var wg sync.WaitGroup
	for p := range parts {
		wg.Go(func() { f(p*n/parts, (p+1)*n/parts) })
	}
	wg.Wait()
}

// parallelFirst returns the least index that find returns for a part of 0…n−1,
// or −1 where it returns −1 for all of them.
func parallelFirst(n int, find func(from, to int) int) int {
	var mu sync.Mutex
	first := -1
	parallel(n, n, func(from, to int) {
		if i := find(from, to); i >= 0 {
			mu.Lock()
			defer mu.Unlock()
			if first < 0 || i < first {
				first = i
			}
		}
	})
	return first
}
