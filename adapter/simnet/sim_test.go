package simnet_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"blockgate/adapter/simnet"
)

var (
	seedFlag = flag.Int64("seed", -1, "play the run of this seed alone, and print its transcript")
	runsFlag = flag.Int("runs", 0, "play so many runs, in place of the usual number")
	fromFlag = flag.Int64("from", 0, "the first seed")
	fileFlag = flag.String("transcript", "", "write the transcript of -seed to this file")
)

func TestSim(t *testing.T) {
	library := simnet.NewLibrary()
	if *seedFlag >= 0 {
		var out bytes.Buffer
		report := simnet.Play(library, uint64(*seedFlag), &out)
		if *fileFlag != "" {
			_ = os.WriteFile(*fileFlag, out.Bytes(), 0o600)
		}
		t.Logf("%+v", report.Wrong)
		return
	}
	runs := *runsFlag
	if runs == 0 {
		runs = 500
	}
	var mu sync.Mutex
	next := *fromFlag
	var wg sync.WaitGroup
	bad := 0
	for range 2 {
		wg.Go(func() {
			for {
				mu.Lock()
				seed := next
				next++
				mu.Unlock()
				if seed >= *fromFlag+int64(runs) || bad > 20 {
					return
				}
				rep := simnet.Play(library, uint64(seed), nil)
				if len(rep.Wrong) > 0 {
					mu.Lock()
					bad++
					fmt.Println(seed, rep.Peers, rep.Hostile, strings.Join(rep.Wrong, "; "))
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	_ = filepath.Join
}
