package ops_test

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"blockgate/ops"
)

// example is a configuration of few words.
func example() ops.Config {
	return ops.Config{
		Build: `devel "quoted"`, Processes: []string{"adapter", "parser"}, Layers: []string{"landlock", "seccomp"},
		Restarted: []string{"adapter", "parser"}, Causes: []string{"hung", "syscall"},
	}
}

// scrape returns the series of this package's metrics with their values.
func scrape(t *testing.T, m *ops.Metrics) map[string]string {
	t.Helper()
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	if answer.Code != 200 {
		t.Fatalf("status %d: %s", answer.Code, answer.Body)
	}
	found := map[string]string{}
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		if i := strings.LastIndexByte(lines.Text(), ' '); strings.HasPrefix(lines.Text(), "blockgate_") {
			found[lines.Text()[:i]] = lines.Text()[i+1:]
		}
	}
	delete(found, "blockgate_build_info")
	for series := range found {
		if strings.HasPrefix(series, "blockgate_build_info{") {
			if found[series] != "1" || !strings.Contains(series, `build="devel \"quoted\""`) {
				t.Errorf("%s %s", series, found[series])
			}
			delete(found, series)
		}
	}
	return found
}

func zeros() map[string]string {
	return map[string]string{
		`blockgate_restarts_total{process="adapter"}`: "0", `blockgate_restarts_total{process="parser"}`: "0",
		`blockgate_parser_deaths_total{cause="hung"}`: "0", `blockgate_parser_deaths_total{cause="syscall"}`: "0",
	}
}

func check(t *testing.T, m *ops.Metrics, more map[string]string) {
	t.Helper()
	want := zeros()
	maps.Copy(want, more)
	if got := scrape(t, m); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestMetrics(t *testing.T) {
	m, err := ops.NewMetrics(example())
	if err != nil {
		t.Fatal(err)
	}
	check(t, m, nil) // counters begin at 0, of layers nothing is known
	counts := map[string]uint64{"adapter": 3}
	if err := errors.Join(m.SetRestarts(counts), m.SetDeaths(map[string]uint64{"hung": 1 << 40, "syscall": 2})); err != nil {
		t.Error(err)
	}
	counts["adapter"] = 99 // it keeps no map
	check(t, m, map[string]string{
		`blockgate_restarts_total{process="adapter"}`:    "3",
		`blockgate_parser_deaths_total{cause="hung"}`:    fmt.Sprint(float64(1 << 40)),
		`blockgate_parser_deaths_total{cause="syscall"}`: "2",
	})
}

// TestLayers: a layer holds for a kind of process if it does in each of them.
func TestLayers(t *testing.T) {
	type said struct {
		process  string
		instance int
		holds    map[string]bool
	}
	const landlock, seccomp = `blockgate_sandbox_layer{layer="landlock",process="parser"}`, `blockgate_sandbox_layer{layer="seccomp",process="parser"}`
	both, one, none := map[string]bool{"landlock": true, "seccomp": true}, map[string]bool{"landlock": false, "seccomp": true}, map[string]bool{}
	for name, c := range map[string]struct {
		said []said
		want map[string]string
	}{
		"one process":               {[]said{{"parser", 0, both}}, map[string]string{landlock: "1", seccomp: "1"}},
		"without a layer":           {[]said{{"parser", 63, one}}, map[string]string{landlock: "0", seccomp: "1"}},
		"two that agree":            {[]said{{"parser", 0, both}, {"parser", 1, both}}, map[string]string{landlock: "1", seccomp: "1"}},
		"one of two lacks it":       {[]said{{"parser", 0, both}, {"parser", 1, one}}, map[string]string{landlock: "0", seccomp: "1"}},
		"one of two is silent":      {[]said{{"parser", 0, both}, {"parser", 1, none}}, map[string]string{landlock: "0", seccomp: "0"}},
		"the last word counts":      {[]said{{"parser", 0, one}, {"parser", 0, both}}, map[string]string{landlock: "1", seccomp: "1"}},
		"each kind by itself":       {[]said{{"parser", 0, map[string]bool{"landlock": true}}, {"adapter", 0, map[string]bool{"landlock": false}}}, map[string]string{landlock: "1", `blockgate_sandbox_layer{layer="landlock",process="adapter"}`: "0"}},
		"nothing said is no series": {[]said{{"parser", 0, none}}, nil},
	} {
		m, err := ops.NewMetrics(example())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range c.said {
			if err := m.SetLayers(s.process, s.instance, s.holds); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		t.Run(name, func(t *testing.T) { check(t, m, c.want) })
	}
}

// TestWordsAreClosed: nothing that is said makes a series that was not foreseen.
func TestWordsAreClosed(t *testing.T) {
	m, err := ops.NewMetrics(example())
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"process":         m.SetLayers("broker", 0, map[string]bool{"landlock": true}),
		"instance -1":     m.SetLayers("parser", -1, nil),
		"instance 64":     m.SetLayers("parser", ops.MaxInstances, nil),
		"layer":           m.SetLayers("parser", 0, map[string]bool{"landlock": true, "other": true}),
		"restarted":       m.SetRestarts(map[string]uint64{"adapter": 1, "supervisor": 1}),
		"cause":           m.SetDeaths(map[string]uint64{"hung": 1, "": 1}),
		"cause, newlines": m.SetDeaths(map[string]uint64{"hung\"} 1\nx{\"": 1}),
	} {
		if !errors.Is(err, ops.ErrWord) {
			t.Errorf("%s: %v", name, err)
		}
	}
	check(t, m, nil)
}

func TestWordsAreChecked(t *testing.T) {
	many := func(n int) (words []string) {
		for i := range n {
			words = append(words, fmt.Sprintf("w%d", i))
		}
		return words
	}
	for _, c := range []struct {
		words []string
		ok    bool
	}{
		{nil, true},
		{many(ops.MaxWords - 1), true},
		{many(ops.MaxWords), true},
		{many(ops.MaxWords + 1), false},
		{[]string{strings.Repeat("x", ops.MaxWordBytes-1)}, true},
		{[]string{strings.Repeat("x", ops.MaxWordBytes)}, true},
		{[]string{strings.Repeat("x", ops.MaxWordBytes+1)}, false},
		{[]string{"a", "b", "a"}, false},
		{[]string{""}, false},
		{[]string{"A"}, false},
		{[]string{"a-b"}, false},
		{[]string{"user_ns", "0"}, true},
	} {
		for i := range 4 {
			config := ops.Config{}
			*[]*[]string{&config.Processes, &config.Layers, &config.Restarted, &config.Causes}[i] = c.words
			if _, err := ops.NewMetrics(config); (err == nil) != c.ok || err != nil && !errors.Is(err, ops.ErrWord) {
				t.Errorf("set %d of %d words %.30q: %v", i, len(c.words), c.words, err)
			}
		}
	}
}

// TestConcurrentUse is for the race detector.
func TestConcurrentUse(t *testing.T) {
	m, err := ops.NewMetrics(example())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range uint64(50) {
				if err := errors.Join(m.SetLayers("parser", i, map[string]bool{"seccomp": true}), m.SetDeaths(map[string]uint64{"hung": n})); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() { _ = scrape(t, m) })
	}
	wg.Wait()
	check(t, m, map[string]string{
		`blockgate_sandbox_layer{layer="seccomp",process="parser"}`: "1", `blockgate_parser_deaths_total{cause="hung"}`: "49",
	})
}
