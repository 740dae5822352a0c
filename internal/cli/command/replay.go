package command

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/tollkeeper/tollkeeper/internal/cli/replay"
	"github.com/tollkeeper/tollkeeper/internal/cli/say"
	"github.com/tollkeeper/tollkeeper/internal/cli/show"
)

// answerTimeout is how long the endpoint may take to answer.
const answerTimeout = 30 * time.Second

func (p *plugin) replay() *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use:   "replay FILE|FOLDER --to=URL",
		Short: "Post recorded payloads to the endpoint again, signed anew",
		Long: `Post recorded payloads to the endpoint again, signed anew with the secret in STRIPE_ENDPOINT_SECRET: one file, or every
*.json file of a folder in the order of Stripe's created. A file holds the whole body of one event, as Stripe posts it. An
event that is recorded already has no second effect. The demo prints its endpoint and its secret. Apart from this
command and doctor, the plugin talks to the API server only.`,
		Example: `  kubectl tollkeeper replay event.json --to "$ENDPOINT"
  kubectl tollkeeper replay events/ --to "$ENDPOINT"`,
		Args: exactlyOne(aFile),
		RunE: func(cmd *cobra.Command, args []string) error {
			printer, err := p.printer()
			if err != nil {
				return err
			}
			if err := replay.CheckURL(to); err != nil {
				return err
			}
			secret, err := replay.Secret(p.Getenv("STRIPE_ENDPOINT_SECRET"))
			if err != nil {
				return err
			}
			payloads, err := replay.Load(args[0])
			if err != nil {
				return err
			}
			return p.post(cmd, printer, payloads, to, secret)
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "the endpoint's URL; needed")
	return cmd
}

// answer is what became of one payload.
type answer struct {
	File    string `json:"file"`
	EventID string `json:"eventID"`
	Type    string `json:"type"`
	Status  int    `json:"status"`
	Problem string `json:"problem,omitempty"`
}

func (p *plugin) post(cmd *cobra.Command, printer show.Printer, payloads []replay.Payload, to, secret string) error {
	client := &http.Client{Timeout: answerTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answers, refused := []answer{}, 0
	var rows [][]show.Cell
	for _, payload := range payloads {
		status, err := replay.Post(cmd.Context(), client, to, payload, secret, p.Now())
		if err != nil {
			return fmt.Errorf("%w (%d of %d were posted)", err, len(answers), len(payloads))
		}
		a := answer{payload.File, payload.EventID, payload.Type, status, replay.Explain(status)}
		answers = append(answers, a)
		tone := show.Good
		if a.Problem != "" {
			refused, tone = refused+1, show.Bad
		}
		rows = append(rows, []show.Cell{{Text: a.File}, {Text: a.EventID}, {Text: a.Type}, {Text: strconv.Itoa(status), Tone: tone}, {Text: a.Problem}})
	}
	var err error
	if printer.Format.IsForPrograms() {
		err = printer.Object(answers)
	} else {
		err = printer.Rows([]show.Column{{Name: "FILE"}, {Name: "EVENT"}, {Name: "TYPE"}, {Name: "ANSWER"}, {Name: "PROBLEM"}}, rows)
	}
	if err == nil && refused > 0 {
		err = fmt.Errorf("%s not taken", say.Count(refused, "event"))
	}
	return err
}
