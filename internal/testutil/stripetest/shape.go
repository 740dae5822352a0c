package stripetest

import "cmp"

// ShapeOf is the shape of the objects in an API version: its date decides.
func ShapeOf(version string) Shape {
	if version < string(New)[:len("2025-03-31")] {
		return Old
	}
	return New
}

// nestedEntries is how many entries of a list Stripe sends within an object. See https://docs.stripe.com/api/pagination.
const nestedEntries = 10

// Render returns the object as Stripe sends it in the shape, whatever shape it has: the same state in other fields. Lists in
// it hold their first entries only.
func Render(o Object, shape Shape) Object {
	o = RenderWhole(o, shape)
	cutAll(map[string]any(o))
	return o
}

// RenderWhole is Render with all entries of each list.
func RenderWhole(o Object, shape Shape) Object {
	o = clone(o)
	each(map[string]any(o), func(o map[string]any) {
		if render := renderers[shape][o["object"]]; render != nil {
			render(o)
		}
	})
	return o
}

// cutAll leaves the first entries of each nested list.
func cutAll(o map[string]any) {
	each(o, func(o map[string]any) {
		if data, isList := o["data"].([]any); isList && o["object"] == "list" && len(data) > nestedEntries {
			o["data"], o["has_more"] = data[:nestedEntries], true
		}
	})
}

// each calls do for every object within a value, the innermost first. An event keeps the shape in which it was made.
func each(value any, do func(map[string]any)) {
	switch value := value.(type) {
	case []any:
		for _, element := range value {
			each(element, do)
		}
	case map[string]any:
		if value["object"] == "event" {
			return
		}
		for _, field := range value {
			each(field, do)
		}
		do(value)
	}
}

var renderers = map[Shape]map[any]func(map[string]any){
	Old: {"subscription": subscriptionToOld, "invoice": invoiceToOld, "charge": addInvoice, "payment_intent": addInvoice, summaryKind: dropID},
	New: {"subscription": subscriptionToNew, "invoice": invoiceToNew, "charge": dropInvoice, "payment_intent": dropInvoice, summaryKind: dropID},
}

// entries are the objects of a nested list.
func entries(o map[string]any, field string) (objects []map[string]any) {
	list, _ := o[field].(map[string]any)
	data, _ := list["data"].([]any)
	for _, entry := range data {
		if object, ok := entry.(map[string]any); ok {
			objects = append(objects, object)
		}
	}
	return objects
}

func dropInvoice(o map[string]any) { delete(o, "invoice") }

func addInvoice(o map[string]any) {
	if _, known := o["invoice"]; !known {
		o["invoice"] = nil
	}
}

var periodFields = []string{"current_period_start", "current_period_end"}

// subscriptionToNew moves the period to the items. Of the forms before 2020 it changes what the new one names in another way.
func subscriptionToNew(o map[string]any) {
	if plan, ok := o["plan"].(map[string]any); ok && len(entries(o, "items")) == 0 {
		item := map[string]any{"object": "subscription_item", "quantity": o["quantity"], "price": priceOf(plan)}
		o["items"] = map[string]any{"object": "list", "data": []any{item}, "has_more": false}
	}
	for _, item := range entries(o, "items") {
		if plan, ok := item["plan"].(map[string]any); ok && item["price"] == nil {
			item["price"] = priceOf(plan)
		}
		delete(item, "plan")
		for _, field := range periodFields {
			if item[field] == nil {
				item[field] = o[field]
			}
		}
	}
	o["start_date"] = cmp.Or(o["start_date"], o["created"], o["start"])
	if o["collection_method"] == nil {
		o["collection_method"] = o["billing"]
	}
	for _, field := range append([]string{"plan", "quantity", "start", "billing"}, periodFields...) {
		delete(o, field)
	}
}

// priceOf is the price that a plan has become.
func priceOf(plan map[string]any) map[string]any {
	return map[string]any{
		"id": plan["id"], "object": "price", "product": plan["product"], "nickname": plan["nickname"], "currency": plan["currency"],
		"lookup_key": nil, "unit_amount": plan["amount"], "unit_amount_decimal": plan["amount_decimal"], "metadata": plan["metadata"],
		"recurring": map[string]any{"interval": plan["interval"], "interval_count": plan["interval_count"]},
	}
}

// subscriptionToOld gives the subscription the shortest of the items' periods. See
// https://docs.stripe.com/changelog/basil/2025-07-30/support-mixed-intervals.
func subscriptionToOld(o map[string]any) {
	shortest := 0.0
	for _, item := range entries(o, "items") {
		start, hasStart := item["current_period_start"].(float64)
		end, hasEnd := item["current_period_end"].(float64)
		if hasStart && hasEnd && (shortest == 0 || end-start < shortest) {
			shortest = end - start
			o["current_period_start"], o["current_period_end"] = start, end
		}
		for _, field := range periodFields {
			delete(item, field)
		}
	}
	delete(o, "status_details")
}

// invoiceToNew names the subscription, the kinds of the lines and their prices as API versions since 2025-03-31 do.
func invoiceToNew(o map[string]any) {
	if id := o["subscription"]; id != nil {
		o["parent"] = map[string]any{
			"type": "subscription_details", "subscription_details": map[string]any{"subscription": id, "metadata": map[string]any{}},
		}
	}
	for _, line := range entries(o, "lines") {
		if kind, isOld := line["type"]; isOld {
			details := map[string]any{"subscription": cmp.Or(line["subscription"], o["subscription"]), "proration": line["proration"]}
			line["parent"] = map[string]any{"type": "invoice_item_details", "invoice_item_details": details}
			if kind == "subscription" {
				line["parent"] = map[string]any{"type": "subscription_item_details", "subscription_item_details": details}
			}
		}
		if price, isOld := line["price"].(map[string]any); isOld {
			line["pricing"] = map[string]any{
				"type": "price_details", "price_details": map[string]any{"price": price["id"], "product": price["product"]},
			}
		}
		for _, field := range []string{"type", "subscription", "proration", "price", "plan"} {
			delete(line, field)
		}
	}
	for _, field := range []string{"subscription", "paid", "charge", "payment_intent"} {
		delete(o, field)
	}
}

// invoiceToOld is the opposite of invoiceToNew.
func invoiceToOld(o map[string]any) {
	parent, _ := o["parent"].(map[string]any)
	details, _ := parent["subscription_details"].(map[string]any)
	if details["subscription"] != nil {
		o["subscription"] = details["subscription"]
	}
	delete(o, "parent")
	o["paid"] = o["status"] == "paid"
	for _, line := range entries(o, "lines") {
		parent, isNew := line["parent"].(map[string]any)
		if !isNew {
			continue
		}
		line["type"] = "invoiceitem"
		if details, ok := parent["subscription_item_details"].(map[string]any); ok && parent["type"] == "subscription_item_details" {
			line["type"], line["subscription"], line["proration"] = "subscription", details["subscription"], details["proration"]
		}
		delete(line, "parent")
		delete(line, "pricing")
	}
}
