// Command train measures the training step: one of the paper's ResNets, forward,
// backward and SGD with momentum and decay, on random images. bench/train/run
// runs it side by side with the same step in JAX.
//
//	go run ./bench/train -width 16 -batch 128 -seconds 20
//
// It prints one JSON object: images per second of wall time, images per second of
// processor time (which other programs on the machine disturb less), and the
// same for an evaluation pass.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"syscall"
	"time"

	"github.com/gocollapse/collapse/backend"
	"github.com/gocollapse/collapse/data"
	_ "github.com/gocollapse/collapse/internal/heap" // as collapse has it
	"github.com/gocollapse/collapse/internal/object"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/train"
)

func main() {
	spec := record.DefaultSpec()
	flag.StringVar(&spec.Model, "model", spec.Model, "resnet18, resnet34 or resnet50")
	flag.StringVar(&spec.Dataset, "dataset", spec.Dataset,
		"whose shape and classes the random images have: cifar10, cifar100 or tiny-imagenet")
	flag.IntVar(&spec.Width, "width", 16, "channels of the first stage; the paper's is 64")
	flag.IntVar(&spec.Batch, "batch", spec.Batch, "images a step")
	flag.StringVar(&spec.Precision, "precision", spec.Precision, "float32, tf32 or bfloat16")
	seconds := flag.Float64("seconds", 20, "how long to measure")
	together := flag.Int("together", 0,
		"steps that the device takes at one call; 0 is 1 on a CPU and 30 on CUDA, as in an epoch of CIFAR-10")
	wait := flag.Bool("wait", false, "before measuring print ready and wait for the end of standard input")
	flag.Parse()
	if err := measure(spec, *seconds, *together, *wait); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func measure(spec record.Spec, seconds float64, together int, wait bool) error {
	b, choice, err := backend.Open(backend.For(spec))
	if err != nil {
		return err
	}
	defer b.Finalize()
	if together < 1 {
		if together = 1; choice.Name == backend.CUDA {
			together = 30
		}
	}
	// Whole batches of an evaluation, which has 250 images: one that is filled up takes as long.
	images := (4*spec.Batch + 249) / 250 * 250
	shape, ok := shapes[spec.Dataset]
	if !ok {
		return fmt.Errorf("-dataset %q: want cifar10, cifar100 or tiny-imagenet", spec.Dataset)
	}
	e, err := train.NewEngine(b, spec, randomSet(spec.Dataset, images, shape.side, shape.classes))
	if err != nil {
		return err
	}
	defer e.Close()
	order := data.Permutation(images, spec.Seed, 1)
	step := 0
	next := func() (int, error) {
		var batches [][]int32
		for range together {
			from := step % 4 * spec.Batch
			step++
			batches = append(batches, order[from:from+spec.Batch])
		}
		_, err := e.Steps(batches, 1, spec.Rate)
		return together * spec.Batch, err
	}
	evaluate := func() (int, error) {
		err := e.Evaluate(context.Background(), train.EvaluateOptions{}, func(*train.Batch) error { return nil })
		return images, err
	}
	start := time.Now()
	if _, err := next(); err != nil { // compiles
		return err
	}
	compile := time.Since(start)
	if wait {
		fmt.Println("ready")
		if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
			return err
		}
	}
	trainWall, trainCPU, err := speed(next, seconds)
	if err != nil {
		return err
	}
	if _, err := evaluate(); err != nil {
		return err
	}
	evalWall, evalCPU, err := speed(evaluate, seconds/4)
	if err != nil {
		return err
	}
	text, err := object.Marshal(map[string]any{
		"program": "collapse", "backend": choice.Name, "device": choice.Environment(b).Device,
		"precision": spec.Precision,
		"model":     spec.Model, "dataset": spec.Dataset,
		"width": spec.Width, "batch": spec.Batch, "together": together,
		"images_per_second": trainWall, "images_per_cpu_second": trainCPU,
		"eval_images_per_second": evalWall, "eval_images_per_cpu_second": evalCPU,
		"compile_seconds": compile.Seconds(),
	})
	if err != nil {
		return err
	}
	_, err = fmt.Println(string(text))
	return err
}

// speed calls f, which returns the images it took, for at least the given time
// and returns images per second of wall time and of processor time.
func speed(f func() (int, error), seconds float64) (wall, cpu float64, err error) {
	start, cpuStart := time.Now(), cpuTime()
	images := 0
	for time.Since(start).Seconds() < seconds {
		n, err := f()
		if err != nil {
			return 0, 0, err
		}
		images += n
	}
	return float64(images) / time.Since(start).Seconds(), float64(images) / (cpuTime() - cpuStart), nil
}

// cpuTime returns the processor seconds that the process has used.
func cpuTime() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// shapes are the images' height, which is their width, and the number of classes.
var shapes = map[string]struct{ side, classes int }{
	"cifar10": {32, 10}, "cifar100": {32, 100}, "tiny-imagenet": {64, 200},
}

// randomSet returns n square colour images and labels of a data set's shape.
func randomSet(name string, n, side, classes int) *data.Set {
	rng := rand.New(rand.NewPCG(1, 2))
	split := data.Split{Images: make([]byte, n*side*side*3), Labels: make([]int32, n)}
	for i := range split.Images {
		split.Images[i] = byte(rng.Uint32())
	}
	for i := range split.Labels {
		split.Labels[i] = int32(rng.IntN(classes))
	}
	set := &data.Set{Train: split, Test: split, Height: side, Width: side, Channels: 3}
	set.Info = record.Data{Name: name, Classes: make([]string, classes), Mean: []float64{.5, .5, .5},
		Std: []float64{.25, .25, .25}}
	return set
}
