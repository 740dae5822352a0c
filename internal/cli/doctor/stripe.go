package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/cli/say"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/endpoint"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// webhookPath is the path of the receiver. A test compares them.
const webhookPath = "/webhooks/stripe"

// stripe asks Stripe what the key may read, and whether the webhook endpoint posts every event. It reads, and changes nothing.
func (d *Doctor) stripe(ctx context.Context) ([]Line, error) {
	switch {
	case d.Offline != "":
		return notAsked("Stripe", d.Offline), nil
	case d.settings == nil:
		return notAsked("Stripe", "the operator's settings are not known, or not valid"), nil
	case d.settings.Stripe.SecretKey == "":
		return notAsked("Stripe", "there is no Stripe key"), nil
	}
	c := stripeapi.New(d.settings.Stripe.SecretKey, d.settings.Stripe.APIBase, d.settings.StripeAPIVersion)
	found := askPermissions(ctx, c, d.Now)
	live, _ := config.KeyMode(d.settings.Stripe.SecretKey)
	lines := []Line{judgeMode(live, d.settings.wantsLivemode), judgePermissions(found, d.settings.keyFrom)}
	if found.failure != nil {
		return lines, nil
	}
	if line, isSkewed := judgeStripeClock(found.stripeTime, found.localTime); isSkewed {
		lines = append(lines, line)
	}
	problems, err := endpoint.Look(ctx, c, d.settings.EndpointURL, webhookPath)
	return append(lines, judgeEndpoint(problems, err)), nil
}

// permissions are what Stripe says of a key.
type permissions struct {
	all     int
	missing []missing
	// failure is why Stripe did not answer, or why it refuses the key itself.
	failure error
	// stripeTime and localTime are one moment by Stripe's clock and by this machine's.
	stripeTime, localTime time.Time
}

// missing is a permission that the key lacks, and Stripe's name of it; empty if Stripe does not name it.
type missing struct {
	stripeapi.Permission
	stripesName string
}

// askPermissions asks Stripe for one object of each kind.
func askPermissions(ctx context.Context, c *stripeapi.Client, now func() time.Time) permissions {
	var found permissions
	for _, permission := range stripeapi.Permissions() {
		found.all++
		sent := now()
		at, err := c.MayRead(ctx, permission)
		name, lacks := stripeapi.LacksPermission(err)
		switch {
		case lacks:
			found.missing = append(found.missing, missing{permission, name})
		case err != nil:
			found.failure = err
			return found
		default:
			found.stripeTime, found.localTime = at, sent
		}
	}
	return found
}

// judgeMode says which mode is applied. A key of the other mode than --livemode is a fault of the settings.
func judgeMode(live bool, wants *bool) Line {
	if wants == nil {
		return Line{OK, "Mode", modeName(live) + ", that of the key (--livemode is auto)", ""}
	}
	return Line{OK, "Mode", modeName(live) + ", that of the key and of --livemode", ""}
}

func modeName(live bool) string {
	if live {
		return "live mode"
	}
	return "test mode"
}

func judgePermissions(found permissions, from string) Line {
	const subject = "Stripe"
	if errors.Is(found.failure, stripeapi.ErrKeyRefused) {
		return Line{Fail, subject, "Stripe refuses the key of " + from, "Make a new restricted key in Stripe's dashboard as docs/install.md says, put it into the Secret " +
			credentials + ". The pods take it up within two minutes"}
	}
	if found.failure != nil {
		return Line{Warn, subject, "could not be asked from this machine: " + found.failure.Error(), "Look at the operator's own view: /readyz?verbose, and its log"}
	}
	var needed, optional []string
	for _, m := range found.missing {
		text := m.Name
		if m.stripesName != "" {
			text += " (" + m.stripesName + ")"
		}
		if m.Without == "" {
			needed = append(needed, text)
		} else {
			optional = append(optional, text+", so these are missing: "+m.Without)
		}
	}
	advice := "Give the restricted key these permissions (Read) in Stripe's dashboard: docs/install.md lists all"
	switch {
	case len(needed) > 0:
		return Line{Fail, subject, "the key of " + from + " may not read " + strings.Join(append(needed, optional...), "; "), advice}
	case len(optional) > 0:
		return Line{Warn, subject, "the key of " + from + " may not read " + strings.Join(optional, "; "), advice}
	default:
		return Line{OK, subject, fmt.Sprintf("accepts the key of %s, which has the %s that it needs", from, say.Count(found.all, "permission")), ""}
	}
}

// judgeStripeClock compares the two clocks. Stripe's time has whole seconds.
func judgeStripeClock(stripes, local time.Time) (Line, bool) {
	skew := local.Sub(stripes)
	if stripes.IsZero() || skew.Abs() <= maxSkew {
		return Line{}, false
	}
	return Line{
		Warn, "Clock", fmt.Sprintf("this machine's clock differs by %s from Stripe's", skew.Round(time.Second)),
		"Set this machine's clock. If the nodes have the same fault, set theirs: Stripe's signatures are refused at a difference of 5 minutes",
	}, true
}

func judgeEndpoint(problems []string, err error) Line {
	const subject = "Endpoint"
	const change = "See and make the change: manager " + endpoint.CommandName + ", as docs/install.md says"
	_, lacks := stripeapi.LacksPermission(err)
	switch {
	case lacks:
		return Line{Skip, subject, "not checked, because the key may not read webhook endpoints", ""}
	case err != nil:
		return Line{Warn, subject, "could not be checked: " + err.Error(), "Try again, or look in Stripe's dashboard under Developers > Webhooks"}
	case len(problems) > 0:
		return Line{Fail, subject, strings.Join(problems, "; "), change}
	default:
		return Line{OK, subject, fmt.Sprintf("Stripe posts all of the %d types of events that are handled", len(events.ToSend())), ""}
	}
}
