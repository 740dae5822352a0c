package erasure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/stripeaccount"
)

// ConfigMapName is the name of the ConfigMap that holds the copies of the events that are being replaced.
const ConfigMapName = "tollkeeper-erasure"

const (
	// maxIntents and maxBytes bound what the ConfigMap holds. The API server takes 1 MiB.
	maxIntents = 16
	maxBytes   = 512 << 10
)

// errFull says that the ConfigMap has no room: what it holds cannot be replaced for now.
var errFull = errors.New("the ConfigMap " + ConfigMapName + " is full of events that cannot be replaced")

// intent is an event that is being replaced: which object goes, and what comes in its place. It has no personal data.
type intent struct {
	// UID and ResourceVersion are those of the event as its copy was made of it.
	UID             types.UID `json:"uid"`
	ResourceVersion string    `json:"resourceVersion"`
	// Copy is the event without its personal data.
	Copy *v1alpha1.BillingEvent `json:"copy"`
}

// intents is the stored ConfigMap. An intent is in it, under the event's name, from before the event is deleted until its copy
// is whole.
type intents struct {
	configMap stripeaccount.ConfigMap
	stored    *corev1.ConfigMap
}

// +kubebuilder:rbac:groups="",namespace=system,resources=configmaps,verbs=create
// +kubebuilder:rbac:groups="",namespace=system,resources=configmaps,resourceNames=tollkeeper-erasure,verbs=get;update

func loadIntents(ctx context.Context, reader client.Reader, writer client.Writer, namespace string) (*intents, error) {
	configMap := stripeaccount.ConfigMap{Reader: reader, Writer: writer, Namespace: namespace, Name: ConfigMapName}
	stored, err := configMap.Get(ctx)
	if err != nil {
		return nil, err
	}
	if stored.Data == nil {
		stored.Data = map[string]string{}
	}
	return &intents{configMap: configMap, stored: stored}, nil
}

func (i *intents) names() []string { return sortedKeys(i.stored.Data) }

func (i *intents) get(name string) (*intent, error) {
	var found intent
	if err := json.Unmarshal([]byte(i.stored.Data[name]), &found); err != nil {
		return nil, fmt.Errorf("read the ConfigMap %s: the key %s: %w", ConfigMapName, name, err)
	}
	if found.Copy == nil || found.Copy.Name != name {
		return nil, fmt.Errorf("read the ConfigMap %s: the key %s does not hold the event of that name", ConfigMapName, name)
	}
	return &found, nil
}

// add puts intents in, as many as there is room for, and returns how many.
func (i *intents) add(added []intent) (int, error) {
	size := 0
	for name, text := range i.stored.Data {
		size += len(name) + len(text)
	}
	for n := range added {
		text, err := json.Marshal(added[n])
		if err != nil {
			return 0, err
		}
		name := added[n].Copy.Name
		size += len(name) + len(text)
		if len(i.stored.Data) >= maxIntents || size > maxBytes && len(i.stored.Data) > 0 {
			return n, nil
		}
		i.stored.Data[name] = string(text)
	}
	return len(added), nil
}

func (i *intents) remove(name string) { delete(i.stored.Data, name) }

// save writes the ConfigMap. It fails if another process has written it since.
func (i *intents) save(ctx context.Context) error { return i.configMap.Put(ctx, i.stored) }
