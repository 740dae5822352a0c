package nodes

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const namespace = "tollkeeper-system"

// Helm waits for the pods at installation, upgrade and rollback. The two pods of each Deployment are on different nodes, and
// during a rollout never fewer than two are ready.
func TestReleasesAndRollouts(t *testing.T) {
	helm := "helm upgrade --install tollkeeper charts/tollkeeper --namespace " + namespace + " --create-namespace --wait --timeout 2m"
	must(t, helm+" --take-ownership", "")
	t.Cleanup(func() { uninstall(t) })
	for deployment, onNodes := range nodesOf(t) {
		if diff := cmp.Diff([]string{"node-a", "node-b"}, onNodes); diff != "" {
			t.Errorf("the nodes of the pods of %s (-want +got):\n%s", deployment, diff)
		}
	}
	watched := watchReady(t)
	must(t, "kubectl -n "+namespace+" rollout restart deployment", "")
	for _, deployment := range []string{"tollkeeper-controller-manager", "tollkeeper-receiver"} {
		must(t, "kubectl -n "+namespace+" rollout status --timeout=2m deployment "+deployment, "")
	}
	must(t, helm+" --set flags.grace-period=336h", "")
	must(t, "helm rollback tollkeeper 1 --namespace "+namespace+" --wait --timeout 2m", "")
	least, revisions := watched.end()
	for deployment, n := range least {
		if n < 2 {
			t.Errorf("%s had %d ready pods for a moment, want 2 always", deployment, n)
		}
	}
	if len(least) != 2 || revisions["tollkeeper-controller-manager"] < 3 {
		t.Errorf("watched %v, with the rollouts %v: a restart, an upgrade and a rollback were to be seen", least, revisions)
	}
}

// A node is drained: of two pods one may be evicted, and the other one only when its replacement is ready.
func TestASecondEvictionIsRefused(t *testing.T) {
	must(t, "kubectl apply --server-side -k config/split", "")
	t.Cleanup(func() { uninstall(t) })
	for _, deployment := range []string{"tollkeeper-controller-manager", "tollkeeper-receiver"} {
		must(t, "kubectl -n "+namespace+" rollout status --timeout=2m deployment "+deployment, "")
		eventually(t, "the budget allows one eviction", func(ctx context.Context) error {
			var budget policyv1.PodDisruptionBudget
			if err := cluster.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: deployment}, &budget); err != nil {
				return err
			}
			if budget.Status.DisruptionsAllowed != 1 {
				return fmt.Errorf("it allows %d", budget.Status.DisruptionsAllowed)
			}
			return nil
		})
	}
	must(t, "kubectl cordon node-a node-b", "") // so that no replacement is ready
	for deployment, pods := range podsOf(t) {
		evict := func(pod corev1.Pod) error {
			return cluster.Client.SubResource("eviction").Create(t.Context(), &pod, &policyv1.Eviction{})
		}
		if err := evict(pods[0]); err != nil {
			t.Errorf("%s: the first eviction: %v", deployment, err)
		}
		if err := evict(pods[1]); !apierrors.IsTooManyRequests(err) {
			t.Errorf("%s: the second eviction is answered %v, want 429", deployment, err)
		}
	}
	must(t, "kubectl uncordon node-a node-b", "")
	must(t, "kubectl drain node-a --ignore-daemonsets --delete-emptydir-data --timeout=2m", "")
	for deployment, onNodes := range nodesOf(t) {
		if slices.Contains(onNodes, "node-a") {
			t.Errorf("after the drain a pod of %s is on node-a", deployment)
		}
	}
}

// podsOf returns the ready pods by the name of their Deployment.
func podsOf(t *testing.T) map[string][]corev1.Pod {
	t.Helper()
	var pods corev1.PodList
	if err := cluster.Client.List(t.Context(), &pods, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	by := map[string][]corev1.Pod{}
	for _, pod := range pods.Items {
		if deployment := "tollkeeper-" + pod.Labels["control-plane"]; pod.DeletionTimestamp == nil && pod.Status.Phase == corev1.PodRunning {
			by[deployment] = append(by[deployment], pod)
		}
	}
	if len(by) != 2 {
		t.Fatalf("pods of %q are running, want those of two Deployments", slices.Collect(maps.Keys(by)))
	}
	return by
}

// nodesOf returns the nodes of the pods by the name of their Deployment.
func nodesOf(t *testing.T) map[string][]string {
	t.Helper()
	by := map[string][]string{}
	for deployment, pods := range podsOf(t) {
		for _, pod := range pods {
			by[deployment] = append(by[deployment], pod.Spec.NodeName)
		}
		slices.Sort(by[deployment])
	}
	return by
}

// watched is what the Deployments report while it lasts: the least number of ready pods, and the number of rollouts.
type watched struct {
	stop      context.CancelFunc
	done      chan struct{}
	least     map[string]int32
	revisions map[string]map[string]bool
}

func watchReady(t *testing.T) *watched {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &watched{stop: cancel, done: make(chan struct{}), least: map[string]int32{}, revisions: map[string]map[string]bool{}}
	changes, err := cluster.Client.Watch(ctx, &appsv1.DeploymentList{}, client.InNamespace(namespace))
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(w.done)
		for change := range changes.ResultChan() {
			d, is := change.Object.(*appsv1.Deployment)
			if !is {
				continue
			}
			if least, is := w.least[d.Name]; !is || d.Status.ReadyReplicas < least {
				w.least[d.Name] = d.Status.ReadyReplicas
			}
			if w.revisions[d.Name] == nil {
				w.revisions[d.Name] = map[string]bool{}
			}
			w.revisions[d.Name][d.Annotations["deployment.kubernetes.io/revision"]] = true
		}
	}()
	return w
}

func (w *watched) end() (least map[string]int32, rollouts map[string]int) {
	w.stop()
	<-w.done
	rollouts = map[string]int{}
	for deployment, revisions := range w.revisions {
		rollouts[deployment] = len(revisions) - 1 // without the one that was there
	}
	return w.least, rollouts
}

// eventually waits until check returns nil.
func eventually(t *testing.T, what string, check func(context.Context) error) {
	t.Helper()
	var last error
	if err := wait.PollUntilContextTimeout(t.Context(), time.Second/10, patience, true, func(ctx context.Context) (bool, error) {
		last = check(ctx)
		return last == nil, nil
	}); err != nil {
		t.Fatalf("%s: %v", what, last)
	}
}

// uninstall removes everything of an installation but the CRDs, when the test's context has ended.
func uninstall(t *testing.T) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	for _, command := range []string{
		"helm uninstall tollkeeper --namespace " + namespace + " --ignore-not-found --wait",
		"kubectl delete clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings -l app.kubernetes.io/name=tollkeeper",
		"kubectl delete namespace --ignore-not-found --timeout=2m " + namespace,
	} {
		if _, err := shell(ctx, command, ""); err != nil {
			t.Error(err)
		}
	}
}
