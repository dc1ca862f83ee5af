package train

// What the tests of package train_test reach inside.
var (
	FreeMemory   = freeMemory
	EnoughMemory = enoughMemory
	FreeBytes    = freeBytes
	Hash         = hash
	Scale        = scale
)

// SetMoment sets what is told of the moments between writes.
func SetMoment(f func(string)) { moment = f }

// SetKeepBytes sets the bound of kept features and returns what sets it back.
func SetKeepBytes(n int64) (back func()) {
	old := keepBytes
	keepBytes = n
	return func() { keepBytes = old }
}

// StepsPerCall is stepsPerCall.
var StepsPerCall = stepsPerCall
