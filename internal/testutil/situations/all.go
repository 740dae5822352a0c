package situations

// and is the group with further rows.
func (g Group) and(list []Situation) Group { g.Situations = append(g.Situations, list...); return g }

// All lists the groups in the order of the table.
func All() []Group {
	return []Group{
		active(),
		trials().and(trialEnds()),
		firstPayments(),
		failedPayments().and(graceEdges()).and(authorizations()),
		payments().and(lateInvoices()),
		graceNeverPaid().and(paymentsThatCount()),
		pauses(),
		unnamedPauses(),
		voidPauses(),
		ends().and(scheduledEnds()),
		features(),
		several().and(reasons()),
		refunds().and(unlinkedRefunds()),
		disputes().and(unlinkedDisputes()).and(otherDisputes()),
		purchases().and(oldCharges()).and(oddPurchases()),
		deletions().and(refutedDeletions()),
		readings().and(corrections()),
		unknown(),
		overrides(),
		runningOverrides(),
		testClocks().and(clocks()),
	}
}
