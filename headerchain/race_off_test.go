//go:build !race

package headerchain_test

const raceDetector = false
