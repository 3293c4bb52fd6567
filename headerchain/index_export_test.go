package headerchain

import (
	"fmt"

	"blockgate/internal/btc"
)

// CrowdIndex enters nodes with hashes into an index whose secret is 1, so that the
// first eight bytes say which line is home: run of them at once, or one by one if that
// is 0. After each step all that are entered have to be found, and none of the others.
func CrowdIndex(hashes []btc.Hash, run int) error {
	var nodes arena
	x := newIndex()
	x.key = 1
	for first := 0; first < len(hashes); {
		part := hashes[first:min(first+max(run, 1), len(hashes))]
		for i := range part {
			var work btc.Work
			r := nodes.push(ref(nodes.count)-1, 0, btc.Height(nodes.count), &work)
			nodes.at(r).hash = part[i]
		}
		if run == 0 {
			x.add(&nodes, ref(first))
		} else {
			x.addRun(&nodes, ref(first), part)
		}
		first += len(part)
		for i := range hashes {
			want := ref(i)
			if i >= first {
				want = none
			}
			if got := x.find(&nodes, &hashes[i]); got != want {
				return fmt.Errorf("of %d entered, hash %d is node %d, want %d", first, i, got, want)
			}
		}
	}
	return nil
}
