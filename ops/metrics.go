package ops

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Config says what the labels of metrics may be. Words are [a-z0-9_]{1,24}, at
// most [MaxWords] of a kind.
type Config struct {
	Build     string   // The build identity, free text from our own linker.
	Processes []string // That report layers.
	Layers    []string // That they may report.
	Restarted []string // Processes that are restarted.
	Causes    []string // Of which parsers die.

	// Numbers returns what the adapter knows of itself; nil for nothing. It must not
	// wait for anything, and gives its maps away.
	Numbers  func() Numbers
	Reasons  []string // For which connections end.
	Timeouts []string // Those of them that mean that something was late.
	Outcomes []string // Of bodies.
	Commands []string // Of messages.
	Verdicts []string // On messages into which nobody looks.
	Alarms   []string // By code.
	Queues   []string
	States   []string // Of transactions.
}

// sets are the words of all labels that are given at the start.
func (c *Config) sets() map[string][]string {
	return map[string][]string{
		"process": c.Processes, "layer": c.Layers, "restarted": c.Restarted, "cause": c.Causes, "reason": c.Reasons, "timeout": c.Timeouts,
		"outcome": c.Outcomes, "command": c.Commands, "verdict": c.Verdicts, "alarm": c.Alarms, "queue": c.Queues, "state": c.States,
	}
}

// ErrWord says that a label was to be a word that is not of its closed set, or
// that such a set cannot be.
var ErrWord = errors.New("no word of this label")

// Metrics is what is known of the service, as Prometheus asks for it. It may be
// used from many goroutines.
type Metrics struct {
	config   Config
	registry *prometheus.Registry

	build, layer, restarts, deaths *prometheus.Desc
	numbers                        []numbered

	mu        sync.Mutex // guards what follows
	layers    map[place]map[string]bool
	restarted map[string]uint64
	died      map[string]uint64
}

// numbered is a metric of the adapter and its description.
type numbered struct {
	family
	desc *prometheus.Desc
}

// place is one process of a kind.
type place struct {
	process  string
	instance int
}

// NewMetrics returns metrics that know of no layer yet, and whose counters are 0.
// It returns [ErrWord] for a set of words that no label can have.
func NewMetrics(config Config) (*Metrics, error) {
	for name, words := range config.sets() {
		if err := checkWords(words); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	m := &Metrics{
		config: config, registry: prometheus.NewRegistry(),
		layers: map[place]map[string]bool{}, restarted: map[string]uint64{}, died: map[string]uint64{},
		build: prometheus.NewDesc("blockgate_build_info", "Always 1; the labels name the build.", []string{"build", "go"}, nil),
		layer: prometheus.NewDesc("blockgate_sandbox_layer",
			"1 if the layer holds in every process of the kind that has reported, else 0.", []string{"process", "layer"}, nil),
		restarts: prometheus.NewDesc("blockgate_restarts_total",
			"How often a process was started in the place of one that had died.", []string{"process"}, nil),
		deaths: prometheus.NewDesc("blockgate_parser_deaths_total", "How many parsers died, by cause.", []string{"cause"}, nil),
	}
	for _, f := range families(&m.config) {
		var labels []string
		if f.label != "" {
			labels = []string{f.label}
		}
		m.numbers = append(m.numbers, numbered{f, prometheus.NewDesc(f.name, f.help, labels, nil)})
	}
	return m, errors.Join(m.registry.Register(m), m.registry.Register(collectors.NewGoCollector()))
}

func checkWords(words []string) error {
	if len(words) > MaxWords {
		return fmt.Errorf("%w: %d of them, at most %d", ErrWord, len(words), MaxWords)
	}
	for i, word := range words {
		if !validWord(word) || slices.Contains(words[:i], word) {
			return fmt.Errorf("%w: %.40q", ErrWord, word)
		}
	}
	return nil
}

func validWord(word string) bool {
	if word == "" || len(word) > MaxWordBytes {
		return false
	}
	for i := range len(word) {
		if c := word[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// SetLayers says which layers hold in a process of a kind, numbered from 0 to
// [MaxInstances]-1, in place of what was said of it before. It does not keep the
// map. It returns [ErrWord], and changes nothing, for a process or a layer that is
// not of its set.
func (m *Metrics) SetLayers(process string, instance int, holds map[string]bool) error {
	if !slices.Contains(m.config.Processes, process) || instance < 0 || instance >= MaxInstances {
		return fmt.Errorf("%w: process %.40q %d", ErrWord, process, instance)
	}
	for layer := range holds {
		if !slices.Contains(m.config.Layers, layer) {
			return fmt.Errorf("%w: layer %.40q", ErrWord, layer)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.layers[place{process, instance}] = maps.Clone(holds)
	return nil
}

// SetRestarts says how often processes were restarted, by kind, in place of what
// was said before. It does not keep the map. It returns [ErrWord], and changes
// nothing, for a process that is not of its set.
func (m *Metrics) SetRestarts(counts map[string]uint64) error {
	return m.setCounts(&m.restarted, m.config.Restarted, counts)
}

// SetDeaths says how many parsers died, by cause, as [Metrics.SetRestarts] does.
func (m *Metrics) SetDeaths(counts map[string]uint64) error {
	return m.setCounts(&m.died, m.config.Causes, counts)
}

func (m *Metrics) setCounts(target *map[string]uint64, words []string, counts map[string]uint64) error {
	for word := range counts {
		if !slices.Contains(words, word) {
			return fmt.Errorf("%w: %.40q", ErrWord, word)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	*target = maps.Clone(counts)
	return nil
}

// Handler returns what answers a scrape.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: maxScrapes, Timeout: writeTimeout / 2, DisableCompression: true,
	})
}

// Describe is for the registry.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.build, m.layer, m.restarts, m.deaths} {
		ch <- d
	}
	for _, f := range m.numbers {
		ch <- f.desc
	}
}

// Collect is for the registry.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	m.mu.Lock()
	layers, restarted, died := m.merged(), m.restarted, m.died // the maps are never written to
	m.mu.Unlock()
	ch <- prometheus.MustNewConstMetric(m.build, prometheus.GaugeValue, 1, m.config.Build, runtime.Version())
	for at, holds := range layers {
		value := 0.0
		if holds {
			value = 1
		}
		ch <- prometheus.MustNewConstMetric(m.layer, prometheus.GaugeValue, value, at.process, at.layer)
	}
	for _, process := range m.config.Restarted {
		ch <- prometheus.MustNewConstMetric(m.restarts, prometheus.CounterValue, float64(restarted[process]), process)
	}
	for _, cause := range m.config.Causes {
		ch <- prometheus.MustNewConstMetric(m.deaths, prometheus.CounterValue, float64(died[cause]), cause)
	}
	m.collectNumbers(ch)
}

// collectNumbers sends what the adapter knows of itself.
func (m *Metrics) collectNumbers(ch chan<- prometheus.Metric) {
	if m.config.Numbers == nil {
		return
	}
	numbers := m.config.Numbers()
	if !numbers.Known {
		return
	}
	for _, f := range m.numbers {
		kind := prometheus.GaugeValue
		if f.counter {
			kind = prometheus.CounterValue
		}
		if f.label == "" {
			ch <- prometheus.MustNewConstMetric(f.desc, kind, f.value(&numbers))
			continue
		}
		values := folded(f.words, f.values(&numbers))
		for _, name := range f.words {
			ch <- prometheus.MustNewConstMetric(f.desc, kind, values[name], name)
		}
	}
}

// folded adds what is not of a set of words to [OtherWord].
func folded(words []string, values map[string]float64) map[string]float64 {
	others := 0.0
	for name, value := range values {
		if !slices.Contains(words, name) {
			others += value
		}
	}
	values[OtherWord] += others
	return values
}

// series is one series of the gauge of layers.
type series struct{ process, layer string }

// merged returns which layers hold in every process of a kind. One that a process
// does not name while another of its kind does, does not hold.
func (m *Metrics) merged() map[series]bool {
	named := map[series]bool{}
	for at, layers := range m.layers {
		for layer := range layers {
			named[series{at.process, layer}] = true
		}
	}
	for at, layers := range m.layers {
		for s := range named {
			if s.process == at.process && !layers[s.layer] {
				named[s] = false
			}
		}
	}
	return named
}
