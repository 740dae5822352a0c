// Package doctor checks an installation as far as the API server shows it to the caller: versions, rights, keys, the leader,
// the backlog. With the installation's keys it asks Stripe and Mailgun, too, and changes nothing there. Each line says what was
// found, and what to do if it is not right. What the caller may not read is skipped, and named. No line has the value of a key.
package doctor

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/internal/cli/show"
)

// Status is the result of one check.
type Status string

// The results.
const (
	OK   Status = "ok"
	Warn Status = "warn"
	Fail Status = "fail"
	// Skip: the caller may not read what the check needs.
	Skip Status = "skip"
)

// Line is what one check found.
type Line struct {
	Status  Status `json:"status"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
	// Advice is what to do; empty if nothing.
	Advice string `json:"advice,omitempty"`
}

// Doctor checks one installation.
type Doctor struct {
	Config    *rest.Config
	Client    client.Client
	Namespace string
	// Now is the clock of this machine.
	Now func() time.Time
	// Offline is why Stripe and Mailgun are not asked, such as "--offline is set"; empty if they are.
	Offline string
	// Environment reads a Stripe key and its STRIPE_API_BASE in the place of the Secret's; nil if the Secret has the key.
	Environment func(string) string

	serverTime time.Time
	// runsElsewhere reports that the namespace has no Deployment of the operator.
	runsElsewhere bool
	operator      *appsv1.Deployment // nil if there is none, or it may not be read
	settings      *settings          // nil if they may not be read, or are wrong
	// account is the ServiceAccount of that Deployment; empty if there is none.
	account string
}

// Run runs every check. A check that fails to run is a line, too.
func (d *Doctor) Run(ctx context.Context) []Line {
	var lines []Line
	for _, check := range []struct {
		subject string
		run     func(context.Context) ([]Line, error)
	}{
		{"API server", d.apiServer},
		{"CRDs", d.crds},
		{"Policies", d.policies},
		{"Keys", d.keys},
		{"Deployment", d.deployment},
		{"Settings", d.readSettings},
		{"Stripe", d.stripe},
		{"Mailgun", d.mailgun},
		{"Rights", d.rights},
		{"Leader", d.leader},
		{"Import", d.imports},
		{"Archive", d.archive},
		{"Work", d.work},
	} {
		found, err := check.run(ctx)
		switch {
		case apierrors.IsForbidden(err):
			found = append(found, Line{Skip, check.subject, "not checked, because you may not read it: " + reasonOf(err), ""})
		case err != nil:
			found = append(found, Line{Fail, check.subject, "could not be checked: " + err.Error(), ""})
		}
		lines = append(lines, found...)
		if check.subject == "API server" && err != nil {
			return lines // nothing else can be read
		}
	}
	return lines
}

// now is the API server's time if it is known, else this machine's.
func (d *Doctor) now() time.Time {
	if d.serverTime.IsZero() {
		return d.Now()
	}
	return d.serverTime
}

// reasonOf is the part of the API server's refusal that says what may not be done.
func reasonOf(err error) string {
	text := err.Error()
	if at := strings.Index(text, " cannot "); at >= 0 {
		return "you" + text[at:]
	}
	return text
}

// HasFailed reports whether a check failed.
func HasFailed(lines []Line) bool {
	return slices.ContainsFunc(lines, func(l Line) bool { return l.Status == Fail })
}

// Print prints the lines for people, and a summary.
func Print(p show.Printer, lines []Line) error {
	tones := map[Status]show.Tone{OK: show.Good, Warn: show.Warn, Fail: show.Bad, Skip: show.Dim}
	counts := map[Status]int{}
	width := 0
	for _, line := range lines {
		width = max(width, len(line.Subject))
	}
	var out strings.Builder
	for _, line := range lines {
		counts[line.Status]++
		indent := strings.Repeat(" ", 6+width+2)
		text := strings.TrimLeft(show.Wrap(show.Clean(line.Text), indent, 120), " ")
		fmt.Fprintf(&out, "%s%s%-*s  %s\n", p.Paint(tones[line.Status], string(line.Status)), strings.Repeat(" ", 6-len(line.Status)), width, line.Subject, text)
		if line.Advice != "" {
			out.WriteString(show.Wrap("→ "+show.Clean(line.Advice), indent, 120) + "\n")
		}
	}
	fmt.Fprintf(&out, "\n%d ok, %d to look at, %d failed, %d skipped\n", counts[OK], counts[Warn], counts[Fail], counts[Skip])
	_, err := io.WriteString(p.Out, out.String())
	return err
}

// worst is the worse of two results.
func worst(a, b Status) Status {
	order := []Status{Skip, OK, Warn, Fail}
	return order[max(slices.Index(order, cmp.Or(a, OK)), slices.Index(order, cmp.Or(b, OK)))]
}
