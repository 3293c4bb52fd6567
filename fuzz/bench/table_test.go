package bench_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"blockgate/internal/sha256d"
)

// baseline is the block whose time in pure Go the worst blocks are held to.
const baseline = "413567"

// outcomes are the contests that were played, in order.
type outcomes struct {
	names []string
	of    map[string]*contest
}

// results are those of this run; benchmarks run one after the other.
var results = outcomes{of: map[string]*contest{}}

func (o *outcomes) add(name string, c *contest) {
	if _, again := o.of[name]; !again {
		o.names = append(o.names, name)
	}
	o.of[name] = c
}

// bars are what the service promises, by block and engine: at least so many times as
// fast as btcd.
var bars = map[string]map[string]float64{
	"413567": {"avx512": 6, "shani": 3, "go": 2},
	"866342": {"avx512": 5.5, "shani": 2.7, "go": 1.7},
}

// hashBars are the same of the time next to that of the hashes alone, of any block: at
// most so many times as long.
var hashBars = map[string]float64{"avx512": 2.2, "shani": 1.3, "go": 1.15}

// Bars of one figure: the scan of the baseline next to its hashes in pure Go, and the
// worst block next to the baseline.
const (
	scanBar  = 0.10
	worstBar = 8
)

// TestMain prints a table of what the benchmarks measured, behind their own lines.
func TestMain(m *testing.M) {
	code := m.Run()
	if len(results.names) > 0 {
		if _, err := os.Stdout.WriteString(results.blocks() + results.worst()); err != nil {
			code = 1
		}
	}
	os.Exit(code)
}

// blocks returns what was measured of real blocks, against the bars.
func (o *outcomes) blocks() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%-12s %-7s %10s %7s  %-22s %-24s %13s  %s\n", "block", "engine", "time", "allocs", "btcd / ours", "ours / hashes", "ours / kernel", "scan / hashes")
	for _, name := range o.names {
		c := o.of[name]
		btcd := c.of(btcdName)
		if btcd == nil {
			continue
		}
		fmt.Fprintf(&b, "%-12s %-7s %10v %7.0f\n", name, btcdName, btcd.fastest, btcd.allocs)
		for _, e := range engines {
			b.WriteString(c.line(name, e))
		}
	}
	return b.String()
}

// line returns what one engine made of a block.
func (c *contest) line(name string, e sha256d.Engine) string {
	ours := c.of("ours-" + e.String())
	if ours == nil {
		return fmt.Sprintf("%-12s %-7v cannot run here\n", name, e)
	}
	scan := ""
	if name == baseline && e == sha256d.EngineGo {
		scan = atMost(c.ratio(scanName, "hashes-go"), scanBar)
	}
	return fmt.Sprintf("%-12s %-7v %10v %7.0f  %-22s %-24s %13.2f  %s\n", name, e, ours.fastest, ours.allocs,
		atLeast(c.ratio(btcdName, ours.name), bars[name][e.String()]), atMost(c.ratio(ours.name, "hashes-"+e.String()), hashBars[e.String()]),
		c.ratio(ours.name, "kernel-"+e.String()), scan)
}

// worst returns what was measured of hostile blocks, next to the baseline in pure Go.
func (o *outcomes) worst() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%-20s %9s %10s", "hostile block", "bytes", "scan")
	for _, e := range engines {
		fmt.Fprintf(&b, " %-28v", fmt.Sprintf("%v / %s in go", e, baseline))
	}
	b.WriteString("\n")
	for _, name := range o.names {
		c := o.of[name]
		if c.of(btcdName) != nil {
			continue
		}
		fmt.Fprintf(&b, "%-20s %9d %10v", name, c.size, c.of(scanName).fastest)
		for _, e := range engines {
			fmt.Fprintf(&b, " %-28s", o.againstBaseline(c.of("ours-"+e.String())))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// againstBaseline returns the time of a variant, and how often that of the baseline in
// pure Go it is.
func (o *outcomes) againstBaseline(v *variant) string {
	base := o.of[baseline]
	switch {
	case v == nil:
		return "cannot run here"
	case base == nil:
		return v.fastest.String()
	}
	return fmt.Sprintf("%v %s", v.fastest, atMost(float64(v.fastest)/float64(base.of("ours-go").fastest), worstBar))
}

// atLeast and atMost print a ratio with its bar, if there is one, and whether it is met.
func atLeast(ratio, bar float64) string { return held(ratio, bar, ratio >= bar, ">=") }
func atMost(ratio, bar float64) string  { return held(ratio, bar, ratio <= bar, "<=") }

func held(ratio, bar float64, met bool, sign string) string {
	switch {
	case ratio == 0:
		return "not measured"
	case bar == 0:
		return fmt.Sprintf("%.2f", ratio)
	case met:
		return fmt.Sprintf("%.2f (%s %g: met)", ratio, sign, bar)
	}
	return fmt.Sprintf("%.2f (%s %g: MISSED)", ratio, sign, bar)
}
