"""Networks: the VPCs a deployment has registered, those an instance is bound to, and the accounts it is shared with.

What must always hold: an instance's own gateway answers only to addresses inside its VPCs, once any VPC is registered; what a
change of either allows or forbids holds for every worker as soon as the change log says so.
Instances bind and share; the gate asks whether an address is inside; the operator registers.
"""
