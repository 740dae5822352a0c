package backfill

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
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

// checkpointKey is the account's key in the ConfigMap, and its name in logs.
func checkpointKey(account string) string { return cmp.Or(account, "platform") }

// Load is the time of the newest event in the last complete run; zero if there was none or it cannot be parsed.
func (c Checkpoints) Load(ctx context.Context, account string) (time.Time, error) {
	stored, err := c.get(ctx)
	if err != nil {
		return time.Time{}, err
	}
	value := stored.Data[checkpointKey(account)]
	if value == "" {
		return time.Time{}, nil
	}
	checkpoint, err := time.Parse(time.RFC3339, value)
	if err != nil {
		c.Log.Error(err, "Failed to parse a checkpoint, will backfill the whole window", "configMap", ConfigMapName, "key", checkpointKey(account))
		return time.Time{}, nil
	}
	return checkpoint, nil
}

// Save stores the account's checkpoint.
func (c Checkpoints) Save(ctx context.Context, account string, checkpoint time.Time) error {
	stored, err := c.get(ctx)
	if err != nil {
		return err
	}
	if stored.Data == nil {
		stored.Data = map[string]string{}
	}
	stored.Data[checkpointKey(account)] = checkpoint.UTC().Format(time.RFC3339)
	if stored.ResourceVersion == "" {
		err = c.Writer.Create(ctx, stored, client.DisableReadYourWritesConsistency)
	} else {
		err = c.Writer.Update(ctx, stored, client.DisableReadYourWritesConsistency)
	}
	if err != nil {
		return fmt.Errorf("write ConfigMap %s: %w", ConfigMapName, err)
	}
	return nil
}

// get reads the ConfigMap, or returns a new one if it does not exist.
func (c Checkpoints) get(ctx context.Context) (*corev1.ConfigMap, error) {
	stored := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: ConfigMapName}}
	if err := c.Reader.Get(ctx, client.ObjectKeyFromObject(stored), stored); client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("get ConfigMap %s: %w", ConfigMapName, err)
	} else if apierrors.IsNotFound(err) {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: ConfigMapName}}, nil
	}
	return stored, nil
}
