package receiver

import (
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"
)

// Anyone can send any number of requests with a bad signature. Each reason gets one line a minute, which counts the requests
// since the last.
func TestRefusalsAreLoggedAtABoundedRate(t *testing.T) {
	var lines []string
	now := clocktesting.NewFakePassiveClock(noon)
	r := &refusals{clock: now, kinds: map[string]*refusalKind{}, log: funcr.NewJSON(func(line string) { lines = append(lines, line) }, funcr.Options{})}
	for range 1000 {
		r.note(reasonMismatch)
		r.note(reasonStale)
		r.note(notFound.reason) // not about a signature
	}
	now.SetTime(noon.Add(refusalInterval - time.Second))
	r.note(reasonMismatch)
	now.SetTime(noon.Add(refusalInterval))
	r.note(reasonMismatch)
	line := func(reason, count string) string {
		return `{"logger":"","level":0,"msg":"Refused requests whose signature is not valid","reason":"` + reason + `","count":` + count + `}`
	}
	want := []string{line("signature_mismatch", "1"), line("signature_stale", "1"), line("signature_mismatch", "1001")}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

// The line is written for requests that come over HTTP, too.
func TestARefusedSignatureIsLogged(t *testing.T) {
	p := open(t, &fakeRecorder{})
	p.send(t, post(body))
	p.log.await(t, `"reason"="signature_absent"`)
}
