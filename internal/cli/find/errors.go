package find

import (
	"fmt"
	"slices"
	"strings"
)

// NotFoundError reports that nothing has what was typed.
type NotFoundError struct {
	Query Query
	// What was looked for: customer or event.
	What string
	// Namespaces that were searched; "" stands for all of them.
	Namespaces []string
	// Refused reports that the caller may not search in all namespaces.
	Refused bool
	// Only reports that the caller chose the namespace.
	Only bool
}

func (e *NotFoundError) Error() string {
	where, has := "any namespace", string(e.Query.Kind)
	if e.What == has {
		has = "id"
	}
	if !slices.Contains(e.Namespaces, "") || e.Refused {
		where = "the namespace " + strings.Join(e.Namespaces, " or ")
	}
	text := fmt.Sprintf("no %s has the %s %s in %s", e.What, has, e.Query.Text, where)
	switch e.Query.Kind {
	case CustomerID, SubscriptionID, EventID, ChargeID, IntentID:
		text += ": check that it is complete, its upper and lower case, and whether it is of the mode (live or test) that this installation serves"
	case Address:
		text += ": Stripe may have another address; try the customer's id (cus_…)"
	}
	switch {
	case e.Only:
		text += ". Without --namespace, all namespaces are searched"
	case e.Refused:
		text += ". You may not search in all namespaces: name Tollkeeper's with --namespace"
	}
	return text
}

// RefusedError reports that the caller has no right to look.
type RefusedError struct {
	Namespaces []string
	Err        error
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("you may not read Tollkeeper's resources in the namespace %s: name another one with --namespace, or ask an administrator "+
		"for the ClusterRole tollkeeper-support-role or tollkeeper-viewer-role (%v)", strings.Join(e.Namespaces, " or "), e.Err)
}

func (e *RefusedError) Unwrap() error { return e.Err }

// Candidate is one of several objects that a person may mean.
type Candidate struct {
	Namespace, Name, ID, Account, Entitled string
}

// AmbiguousError reports that several objects have what was typed.
type AmbiguousError struct {
	Query      Query
	Candidates []Candidate
}

func (e *AmbiguousError) Error() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%d customers have the %s %s:\n", len(e.Candidates), e.Query.Kind, e.Query.Text)
	namespaces := map[string]bool{}
	for _, c := range e.Candidates {
		namespaces[c.Namespace] = true
		account := "the platform's account"
		if c.Account != "" {
			account = "account " + c.Account
		}
		fmt.Fprintf(&out, "  customer/%s   %s, %s, Entitled=%s, namespace %s\n", c.Name, c.ID, account, c.Entitled, c.Namespace)
	}
	out.WriteString("Choose one by its name, as printed: customer/" + e.Candidates[0].Name)
	if len(namespaces) > 1 {
		out.WriteString(" with --namespace=" + e.Candidates[0].Namespace)
	}
	return out.String()
}
