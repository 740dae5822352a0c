package importer

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/internal/controller/annotation"
	"github.com/tollkeeper/tollkeeper/internal/stripeaccount"
)

// ConfigMapName is the name of the ConfigMap that holds the checkpoints.
const ConfigMapName = "tollkeeper-import"

// AnnotationImport on the ConfigMap requests another import. Every new value is a new request.
const AnnotationImport = "billing.tollkeeper.dev/import"

// RequestKey is the key in the ConfigMap for the last value of the annotation that was answered. No Stripe account has
// this name.
const RequestKey = "answered-request"

// maxIncomplete bounds the customers that a checkpoint names: a ConfigMap holds 1 MiB.
const maxIncomplete = 500

// Phase is what an account's import lists now.
type Phase string

// The phases, in their order.
const (
	Subscriptions Phase = "Subscriptions"
	Customers     Phase = "Customers"
	Disputes      Phase = "Disputes"
	Features      Phase = "Features"
	// Done is the end of an import.
	Done Phase = "Done"
	// Failed is the end of an import that cannot be completed: a list never ended.
	Failed Phase = "Failed"
)

// Checkpoint is how far the import of one account is.
type Checkpoint struct {
	Phase Phase `json:"phase"`
	// After is the Stripe id after which the next page of the phase begins; empty for its first page.
	After string `json:"after,omitempty"`
	// Pages is how many pages of the phase were listed.
	Pages int `json:"pages,omitempty"`
	// Imported, Ignored and Refused count the listed objects of all phases.
	Imported int `json:"imported"`
	Ignored  int `json:"ignored"`
	Refused  int `json:"refused"`
	// Incomplete holds the Stripe ids of customers of which a subscription could not be put in. They are not known whole.
	Incomplete []string `json:"incomplete,omitempty"`
	// AllIncomplete reports that there are more of them than fit, or that one of them is not known.
	AllIncomplete bool        `json:"allIncomplete,omitempty"`
	StartedAt     metav1.Time `json:"startedAt"`
	FinishedAt    metav1.Time `json:"finishedAt,omitzero"`
}

// isOver reports whether nothing is left to list.
func (c *Checkpoint) isOver() bool { return c.Phase == Done || c.Phase == Failed }

// markIncomplete notes that the customer is not known whole; an empty id stands for a customer that is not known.
func (c *Checkpoint) markIncomplete(customerID string) {
	switch {
	case c.AllIncomplete || c.isIncomplete(customerID):
	case customerID == "" || len(c.Incomplete) == maxIncomplete:
		c.AllIncomplete, c.Incomplete = true, nil
	default:
		c.Incomplete = append(c.Incomplete, customerID)
	}
}

// isIncomplete reports whether a subscription of the customer may be missing.
func (c *Checkpoint) isIncomplete(customerID string) bool {
	return c.AllIncomplete || slices.Contains(c.Incomplete, customerID)
}

// finish ends the import. What is only needed to go on is dropped.
func (c *Checkpoint) finish(phase Phase, now time.Time) {
	c.Phase, c.After, c.Pages, c.Incomplete = phase, "", 0, nil
	c.FinishedAt = metav1.NewTime(now.UTC().Truncate(time.Second))
}

// Checkpoints stores the checkpoint of each account: one key per account in a ConfigMap.
type Checkpoints struct {
	// Reader reads from the API server directly: a cache of ConfigMaps for this one would be wasteful.
	Reader    client.Reader
	Writer    client.Writer
	Namespace string
	Log       logr.Logger
}

// +kubebuilder:rbac:groups="",namespace=system,resources=configmaps,verbs=create
// +kubebuilder:rbac:groups="",namespace=system,resources=configmaps,resourceNames=tollkeeper-import,verbs=get;update

func (c Checkpoints) configMap() stripeaccount.ConfigMap {
	return stripeaccount.ConfigMap{Reader: c.Reader, Writer: c.Writer, Namespace: c.Namespace, Name: ConfigMapName}
}

// Load returns the checkpoints of the accounts. One that does not exist, or cannot be parsed, is that of an import that
// begins. A new value of the annotation deletes them all first.
func (c Checkpoints) Load(ctx context.Context, accounts []string) (map[string]*Checkpoint, error) {
	stored, err := c.configMap().Get(ctx)
	if err != nil {
		return nil, err
	}
	if request := annotation.Unanswered(stored.Annotations[AnnotationImport], stored.Data[RequestKey]); request != "" {
		c.Log.Info("Importing again, as requested", "configMap", ConfigMapName, "annotation", AnnotationImport)
		stored.Data = map[string]string{RequestKey: request}
		if err := c.configMap().Put(ctx, stored); err != nil {
			return nil, err
		}
	}
	checkpoints := map[string]*Checkpoint{}
	for _, account := range accounts {
		checkpoint := &Checkpoint{}
		if value := stored.Data[stripeaccount.Name(account)]; value != "" {
			if err := json.Unmarshal([]byte(value), checkpoint); err != nil {
				c.Log.Error(err, "Failed to parse a checkpoint, will import the account again",
					"configMap", ConfigMapName, "key", stripeaccount.Name(account))
				checkpoint = &Checkpoint{}
			}
		}
		checkpoints[account] = checkpoint
	}
	return checkpoints, nil
}

// Save stores the account's checkpoint.
func (c Checkpoints) Save(ctx context.Context, account string, checkpoint *Checkpoint) error {
	text, err := json.Marshal(checkpoint)
	if err != nil {
		return fmt.Errorf("write a checkpoint as JSON: %w", err)
	}
	return c.configMap().Save(ctx, account, string(text))
}
