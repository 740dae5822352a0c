package backfill

import (
	"context"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/internal/stripeaccount"
)

// ConfigMapName is the name of the ConfigMap that holds the checkpoints.
const ConfigMapName = "tollkeeper-backfill"

// Checkpoints stores up to which time each account's events are recorded: one key per account in a ConfigMap.
type Checkpoints struct {
	// Reader reads from the API server directly: a cache of ConfigMaps for this one would be wasteful.
	Reader    client.Reader
	Writer    client.Writer
	Namespace string
	Log       logr.Logger
}

// +kubebuilder:rbac:groups="",namespace=system,resources=configmaps,verbs=create
// +kubebuilder:rbac:groups="",namespace=system,resources=configmaps,resourceNames=tollkeeper-backfill,verbs=get;update

func (c Checkpoints) configMap() stripeaccount.ConfigMap {
	return stripeaccount.ConfigMap{Reader: c.Reader, Writer: c.Writer, Namespace: c.Namespace, Name: ConfigMapName}
}

// Load is the time of the newest event in the last complete run; zero if there was none or it cannot be parsed.
func (c Checkpoints) Load(ctx context.Context, account string) (time.Time, error) {
	stored, err := c.configMap().Get(ctx)
	if err != nil {
		return time.Time{}, err
	}
	value := stored.Data[stripeaccount.Name(account)]
	if value == "" {
		return time.Time{}, nil
	}
	checkpoint, err := time.Parse(time.RFC3339, value)
	if err != nil {
		c.Log.Error(err, "Failed to parse a checkpoint, will backfill the whole window",
			"configMap", ConfigMapName, "key", stripeaccount.Name(account))
		return time.Time{}, nil
	}
	return checkpoint, nil
}

// Save stores the account's checkpoint.
func (c Checkpoints) Save(ctx context.Context, account string, checkpoint time.Time) error {
	return c.configMap().Save(ctx, account, checkpoint.UTC().Format(time.RFC3339))
}
