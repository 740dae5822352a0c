// Package rows lists BillingEvents that have an outcome as the rows of a table, which take a tenth of the events themselves.
package rows

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/paging"
)

// pageSize is how many rows are listed at a time.
const pageSize = 500

// The field selectors of a list.
const (
	// Ended selects events with an outcome.
	Ended = v1alpha1.FieldOutcome + "!="
	// Settled selects those with an outcome other than Failed.
	Settled = Ended + "," + v1alpha1.FieldOutcome + "!=" + string(v1alpha1.OutcomeFailed)
)

// List lists some columns of the events of a namespace that a field selector selects.
type List struct {
	client              rest.Interface
	namespace, selector string
	columns             []string
}

// New makes the list. The columns are those that the CRD names. The HTTP client is the manager's.
func New(config *rest.Config, httpClient *http.Client, namespace, selector string, columns ...string) (*List, error) {
	config = rest.CopyConfig(config)
	config.GroupVersion, config.APIPath = &v1alpha1.GroupVersion, "/apis"
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	c, err := rest.RESTClientForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("make the client of tables: %w", err)
	}
	return &List{client: c, namespace: namespace, selector: selector, columns: columns}, nil
}

// Page returns the rows of a page, each with a cell for each column, and how the next page is asked for: empty after the last.
// What changes while a list of many pages goes on may be missing.
func (l *List) Page(ctx context.Context, next string) (rows [][]string, more string, err error) {
	request := l.client.Get().Namespace(l.namespace).Resource("billingevents").
		SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").
		Param("includeObject", string(metav1.IncludeNone)).Param("limit", strconv.Itoa(pageSize)).
		Param("fieldSelector", l.selector)
	if next != "" {
		request = request.Param("continue", next)
	}
	body, err := request.Do(ctx).Raw()
	if err != nil {
		if anew := paging.ContinueAnew(err); anew != "" {
			return nil, anew, nil
		}
		return nil, "", fmt.Errorf("list the BillingEvents with an outcome: %w", err)
	}
	var table metav1.Table
	if err := json.Unmarshal(body, &table); err != nil {
		return nil, "", fmt.Errorf("list the BillingEvents with an outcome: read the table: %w", err)
	}
	rows, err = cellsOf(&table, l.columns)
	return rows, table.Continue, err
}

// cellsOf reads the table's columns by their names: the CRD of another version may lack one. A cell without a value is empty.
func cellsOf(table *metav1.Table, columns []string) ([][]string, error) {
	at := make([]int, len(columns))
	for i, name := range columns {
		at[i] = slices.IndexFunc(table.ColumnDefinitions, func(c metav1.TableColumnDefinition) bool { return c.Name == name })
		if at[i] < 0 && len(table.Rows) > 0 {
			return nil, fmt.Errorf("the CRD of BillingEvents has no column %s: install the CRDs of this version", name)
		}
	}
	rows := make([][]string, 0, len(table.Rows))
	for _, row := range table.Rows {
		cells := make([]string, len(columns))
		for i := range columns {
			cells[i], _ = row.Cells[at[i]].(string)
		}
		rows = append(rows, cells)
	}
	return rows, nil
}
