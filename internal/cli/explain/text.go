package explain

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/internal/cli/say"
	"github.com/tollkeeper/tollkeeper/internal/cli/show"
)

// Print prints the explanation for people. The first lines answer the question, and can be read out.
func (e Explanation) Print(p show.Printer, now time.Time) error {
	var out strings.Builder
	verdict, tone := e.verdict()
	fmt.Fprintf(&out, "%s %s.\n", p.Paint(show.Strong, show.Clean(e.Customer.ID)), p.Paint(tone, verdict))
	if e.Message != "" {
		out.WriteString(show.Wrap(show.Clean(e.Message), "  ", 100) + "\n")
	}
	for _, sentence := range e.gone() {
		out.WriteString(show.Wrap(show.Clean(sentence), "  ", 100) + "\n")
	}
	out.WriteString("\n")
	for _, row := range e.facts(now) {
		fmt.Fprintf(&out, "%s%s\n", p.Paint(show.Dim, fmt.Sprintf("%-13s", row[0])), hanging(row[1], 13))
	}
	for i, change := range e.Next {
		fmt.Fprintf(&out, "%s%s\n", p.Paint(show.Dim, fmt.Sprintf("%-13s", first(i, "Next"))),
			hanging(say.MomentAndDistance(change.At.Time, now)+": "+change.Text, 13))
	}
	if len(e.Next) == 0 {
		fmt.Fprintf(&out, "%s%s\n", p.Paint(show.Dim, fmt.Sprintf("%-13s", "Next")), "nothing is scheduled: only a new event, or a person, changes this")
	}
	for i, advice := range e.Unlock {
		e.advice(&out, p, first(i, "To unlock"), advice)
	}
	for i, doubt := range e.Doubts {
		e.advice(&out, p, first(i, "But"), doubt)
	}
	_, err := fmt.Fprint(p.Out, out.String())
	return err
}

// verdict says in a few words whether the customer is entitled.
func (e Explanation) verdict() (string, show.Tone) {
	switch e.Entitled {
	case string(metav1.ConditionTrue):
		return "is entitled (" + e.Reason + ")", show.Good
	case string(metav1.ConditionFalse):
		return "is not entitled (" + e.Reason + ")", show.Bad
	case string(metav1.ConditionUnknown):
		return "keeps the access that it has or lacks, because it is not known whether it is entitled (" + e.Reason + ")", show.Warn
	default:
		return "is not decided yet", show.Warn
	}
}

// facts are the lines that every explanation has.
func (e Explanation) facts(now time.Time) [][2]string {
	who := e.Customer.Object + " in the namespace " + e.Customer.Namespace
	switch person := strings.TrimSpace(show.Clean(e.Customer.Name)); {
	case e.Customer.Email != "" && person != "":
		who = person + " <" + show.Clean(e.Customer.Email) + ">, " + who
	case e.Customer.Email != "":
		who = show.Clean(e.Customer.Email) + ", " + who
	case person != "":
		who = person + ", " + who
	}
	if e.Customer.Account != "" {
		who += ", of the connected account " + e.Customer.Account
	}
	if e.Customer.IsTest {
		who += " (Stripe's test mode)"
	}
	rows := [][2]string{{"Customer", who}}
	if e.Since != nil {
		rows = append(rows, [2]string{"Since", say.MomentAndDistance(e.Since.Time, now)})
	}
	return append(rows, [2]string{"Decided by", e.Rule.Text})
}

func (e Explanation) advice(out *strings.Builder, p show.Printer, label string, advice Advice) {
	text := strings.TrimSuffix(advice.Text, ".")
	if advice.Command != "" && !strings.HasSuffix(text, "?") {
		text += ":"
	}
	fmt.Fprintf(out, "%s%s\n", p.Paint(show.Dim, fmt.Sprintf("%-13s", label)), hanging(text, 13))
	if advice.Command != "" {
		fmt.Fprintf(out, "%15s%s\n", "", show.Clean(advice.Command))
	}
}

// first is the label of the first line of several.
func first(i int, label string) string {
	if i == 0 {
		return label
	}
	return ""
}

// hanging breaks a text into lines that begin at a column; the first one begins there anyway.
func hanging(text string, column int) string {
	return strings.TrimLeft(show.Wrap(show.Clean(text), strings.Repeat(" ", column), 110), " ")
}
