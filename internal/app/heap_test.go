package app

import (
	"cmp"
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	testclock "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/products"
	"github.com/tollkeeper/tollkeeper/internal/controller/readings"
	"github.com/tollkeeper/tollkeeper/internal/controller/resync"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/packed"
	"github.com/tollkeeper/tollkeeper/internal/testutil/informers"
)

const heapNamespace = "tollkeeper-system"

// BenchmarkHeapOfACustomer measures the heap for each customer with one subscription: the caches with the operator's own
// options and indexes, the schedule of the comparison with Stripe, and the queues in which it and the customer's own
// controller wait for the next deadline. The API server is a stand-in that lists; the rest is the operator's code.
//
//	go test ./internal/app -run=- -bench=HeapOfACustomer -benchtime=1x
func BenchmarkHeapOfACustomer(b *testing.B) {
	for name, newInformer := range map[string]newInformerFunc{"whole": toolscache.NewSharedIndexInformer, "packed": packed.NewInformer} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				measureHeap(b, 20_000, newInformer)
			}
		})
	}
}

type newInformerFunc = func(toolscache.ListerWatcher, apiruntime.Object, time.Duration, toolscache.Indexers) toolscache.SharedIndexInformer

func measureHeap(b *testing.B, n int, newInformer newInformerFunc) {
	before := heap()
	c := startCache(b, n, newInformer)
	cached := heap()
	r, queues := schedule(b, c)
	after := heap()
	b.ReportMetric(kilobytes(cached-before, n), "KB-in-caches/customer")
	b.ReportMetric(kilobytes(after-before, n), "KB/customer")
	b.ReportMetric(0, "ns/op")
	runtime.KeepAlive([]any{c, r, queues})
}

func kilobytes(bytes uint64, n int) float64 { return float64(bytes) / 1024 / float64(n) }

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// startCache fills the caches of n customers.
func startCache(b *testing.B, n int, newInformer newInformerFunc) cache.Cache {
	b.Helper()
	options := cacheOptions(heapNamespace, byOutcome(v1alpha1.OutcomePending))
	options.Scheme, options.Mapper, options.HTTPClient = Scheme(), namespacedKinds(), http.DefaultClient
	options.NewInformer = func(
		_ toolscache.ListerWatcher, example apiruntime.Object, resync time.Duration, indexers toolscache.Indexers,
	) toolscache.SharedIndexInformer {
		return newInformer(standIn(n, example), example, resync, indexers)
	}
	c, err := cache.New(&rest.Config{Host: "stand-in"}, options)
	if err != nil {
		b.Fatal(err)
	}
	if err := routing.AddIndexes(b.Context(), c, routing.Scope{}); err != nil {
		b.Fatal(err)
	}
	go func() { _ = c.Start(b.Context()) }()
	if !c.WaitForCacheSync(b.Context()) {
		b.Fatal("the caches are not filled")
	}
	return c
}

// schedule reconciles each customer once, as the comparison with Stripe does at the start, and has it wait in the queues.
func schedule(b *testing.B, c cache.Cache) (*resync.Reconciler, []priorityqueue.PriorityQueue[ctrl.Request]) {
	b.Helper()
	cached, err := client.New(&rest.Config{Host: "stand-in"}, client.Options{
		Scheme: Scheme(), Mapper: namespacedKinds(), HTTPClient: http.DefaultClient, Cache: &client.CacheOptions{Reader: c},
	})
	if err != nil {
		b.Fatal(err)
	}
	now := testclock.NewFakePassiveClock(time.Now())
	never := func() bool { return false }
	r := &resync.Reconciler{
		Client: cached, Readings: readings.NewMailbox(), Products: products.NewCache(nil, events.Decoder{}, now, ctrl.Log), Clock: now,
		SweepInterval: 24 * time.Hour, DoubtDelay: time.Hour, BackfillRunning: never, ImportRunning: never,
	}
	queues := []priorityqueue.PriorityQueue[ctrl.Request]{priorityqueue.New[ctrl.Request]("resync"), priorityqueue.New[ctrl.Request]("customer")}
	informer, err := c.GetInformer(b.Context(), &v1alpha1.Customer{})
	if err != nil {
		b.Fatal(err)
	}
	var names []client.ObjectKey
	registration, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{AddFunc: func(o any) {
		names = append(names, client.ObjectKeyFromObject(o.(client.Object))) //nolint:forcetypeassert // a Customer
	}})
	if err != nil {
		b.Fatal(err)
	}
	toolscache.WaitForCacheSync(b.Context().Done(), registration.HasSynced)
	for _, name := range names {
		result, err := r.Reconcile(b.Context(), ctrl.Request{NamespacedName: name})
		if err != nil || result.RequeueAfter == 0 {
			b.Fatalf("%s: requeue after %s, %v", name, result.RequeueAfter, err)
		}
		for _, queue := range queues {
			queue.AddWithOpts(priorityqueue.AddOpts{After: result.RequeueAfter}, ctrl.Request{NamespacedName: name})
		}
	}
	return r, queues
}

func namespacedKinds() meta.RESTMapper {
	mapper := meta.NewDefaultRESTMapper(nil)
	for _, kind := range []string{"BillingEvent", "Customer", "Subscription", "Email", "PasswordReset"} {
		mapper.Add(v1alpha1.GroupVersion.WithKind(kind), meta.RESTScopeNamespace)
		mapper.Add(v1alpha1.GroupVersion.WithKind(kind+"List"), meta.RESTScopeNamespace)
	}
	return mapper
}

// standIn lists n Customers, or the Subscriptions to them, as the API server would; and none of any other kind.
func standIn(n int, example apiruntime.Object) toolscache.ListerWatcher {
	return informers.ListOnly{ListWatch: &toolscache.ListWatch{
		ListWithContextFunc: func(context.Context, metav1.ListOptions) (apiruntime.Object, error) {
			version := metav1.ListMeta{ResourceVersion: "1"}
			switch example.(type) {
			case *v1alpha1.Customer:
				list := &v1alpha1.CustomerList{ListMeta: version, Items: make([]v1alpha1.Customer, n)}
				for i := range n {
					text, _ := texts(uint64(i)) //nolint:gosec // not negative
					decode(text, &list.Items[i])
				}
				return list, nil
			case *v1alpha1.Subscription:
				list := &v1alpha1.SubscriptionList{ListMeta: version, Items: make([]v1alpha1.Subscription, n)}
				for i := range n {
					_, text := texts(uint64(i)) //nolint:gosec // not negative
					decode(text, &list.Items[i])
				}
				return list, nil
			default:
				return &v1alpha1.EmailList{ListMeta: version}, nil
			}
		},
		WatchFuncWithContext: func(context.Context, metav1.ListOptions) (watch.Interface, error) { return watch.NewFake(), nil },
	}}
}

func decode(text string, into any) {
	if err := json.Unmarshal([]byte(text), into); err != nil {
		panic(err)
	}
}

// differs finds what differs between customers in the samples of package packed.
var differs = regexp.MustCompile(`(?:TK-in|inpay|cus|sub|pi|in|ch|cs|pm|evt)_[A-Za-z0-9_]+` + // Stripe's ids
	`|(?:cus|sub)-w00[0-9]-[0-9a-f]{8}` + // names
	`|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}` + // UIDs
	`|:[0-9a-f]{16}` + // fingerprints
	`|20[0-9-]+T[0-9:.]+Z|17[0-9]{8}` + // times
	`|ada@example.com|"Ada"|tenant-1|"resourceVersion": "[0-9]+"`)

// samples are the samples of a Customer and its Subscription: what is the same in all, and between that what differs.
var samples = sync.OnceValue(func() (all [2]struct{ same, differing []string }) {
	for i, name := range []string{"customer", "subscription"} {
		text, err := os.ReadFile("../packed/sample_" + name + ".json")
		if err != nil {
			panic(err)
		}
		all[i].same, all[i].differing = differs.Split(string(text), -1), differs.FindAllString(string(text), -1)
	}
	return all
})

const (
	hexDigits = "0123456789abcdef"
	letters   = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// texts are the nth customer, the same each time: with ids as long and as random as Stripe's.
func texts(n uint64) (customer, subscription string) {
	m := maker{random: rand.New(rand.NewPCG(n, 1)), known: map[string]string{}} //nolint:gosec // no secret
	m.shift = time.Duration(m.random.IntN(28*24*3600)) * time.Second
	var made [2]string
	for i, sample := range samples() {
		var b strings.Builder
		for j, same := range sample.same {
			b.WriteString(same)
			if j < len(sample.differing) {
				old := sample.differing[j]
				if m.known[old] == "" {
					m.known[old] = m.make(old)
				}
				b.WriteString(m.known[old])
			}
		}
		made[i] = b.String()
	}
	return made[0], made[1]
}

type maker struct {
	random *rand.Rand
	shift  time.Duration
	known  map[string]string
}

func (m maker) text(alphabet string, length int) string {
	b := make([]byte, length)
	for i := range b {
		b[i] = alphabet[m.random.IntN(len(alphabet))]
	}
	return string(b)
}

func (m maker) make(old string) string {
	lengths := map[string]int{"cus": 14, "cs": 60}
	prefix, _, isID := strings.Cut(old, "_")
	switch {
	case prefix == "TK-in":
		return m.text(letters[:36], 8) + "-0001"
	case isID:
		return prefix + "_" + m.text(letters, cmp.Or(lengths[prefix], 24))
	case strings.HasPrefix(old, "cus-"):
		return naming.Object("", "cus_"+m.text(letters, 14))
	case strings.HasPrefix(old, "sub-"):
		return naming.Object("", "sub_"+m.text(letters, 24))
	case old[0] == ':':
		return ":" + m.text(hexDigits, 16)
	case strings.HasPrefix(old, "17"):
		at, _ := strconv.ParseInt(old, 10, 64)
		return strconv.FormatInt(at+int64(m.shift.Seconds()), 10)
	case strings.HasPrefix(old, "20") && strings.Contains(old, "."):
		return m.moved(old).Add(time.Duration(m.random.IntN(1_000_000)) * time.Microsecond).Format(metav1.RFC3339Micro)
	case strings.HasPrefix(old, "20") && strings.Contains(old, "T"):
		return m.moved(old).Format(time.RFC3339)
	case old == "ada@example.com":
		return m.text(letters[36:], 12) + "@" + m.text(letters[36:], 8) + ".com"
	case old == `"Ada"`:
		return `"A` + m.text(letters[36:], 6) + " L" + m.text(letters[36:], 8) + `"`
	case old == "tenant-1":
		return m.text(hexDigits, 32)
	case strings.HasPrefix(old, `"resourceVersion"`):
		return `"resourceVersion": "` + strconv.Itoa(1_000_000+m.random.IntN(9_000_000)) + `"`
	default: // a UID
		return m.text(hexDigits, 8) + "-" + m.text(hexDigits, 4) + "-" + m.text(hexDigits, 4) + "-" + m.text(hexDigits, 4) + "-" + m.text(hexDigits, 12)
	}
}

// moved is the time as long after the sample's as everything of the customer is, and some seconds.
func (m maker) moved(old string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, old)
	if err != nil {
		panic(err)
	}
	return t.Add(m.shift + time.Duration(m.random.IntN(10))*time.Second)
}
