"""What is sold: QueryProductList and DescribePricingModule (BssOpenApi pages, read 2026-11-22)."""

from __future__ import annotations

from keystead.api.bss._product import BSS
from keystead.api.bss.shapes import CODE, MESSAGE, PAGE_SIZE, BssResponse, PageNum, PageSize, Shape, owned
from keystead.catalog import rules as catalog
from keystead.gate.call import Call
from keystead.gate.parameters import Request
from keystead.gate.registry import Effect


class QueryProductListRequest(Request):
    """Which page, and whether to count."""

    page_num: PageNum
    page_size: PageSize = PAGE_SIZE
    query_total_count: bool = False


class ProductRow(Shape):
    """A product under one of its types."""

    product_code: str
    product_name: str
    product_type: str
    subscription_type: str


class ProductRows(Shape):
    """The wrapper around the list."""

    product: list[ProductRow]


class ProductPage(Shape):
    """One page; `total_count` only if it was asked for."""

    product_list: ProductRows
    page_num: int
    page_size: int
    total_count: int | None = None


class QueryProductListResponse(BssResponse, kw_only=True):
    """The products."""

    data: ProductPage


class DescribePricingModuleRequest(Request):
    """Which product."""

    product_code: str
    subscription_type: str
    product_type: str = ""
    owner_id: int | None = None


class ConfigNames(Shape):
    """The attributes a module's Config must name; the inner list bears the wrapper's own name."""

    config_list: list[str]


class ModuleRow(Shape):
    """A priced module."""

    module_code: str
    module_name: str
    price_type: str
    currency: str
    config_list: ConfigNames


class ModuleRows(Shape):
    """The wrapper around the list."""

    module: list[ModuleRow]


class AttributeValueRow(Shape):
    """A value an attribute may take; a range reads `min-max:step`. A remark names the edition that it is sold with."""

    name: str
    value: str
    type: str
    remark: str


class AttributeValueRows(Shape):
    """The wrapper around the list."""

    attribute_value: list[AttributeValueRow]


class AttributeRow(Shape):
    """An attribute and its values."""

    code: str
    name: str
    unit: str
    values: AttributeValueRows


class AttributeRows(Shape):
    """The wrapper around the list."""

    attribute: list[AttributeRow]


class PricingModules(Shape):
    """The vocabulary of one product."""

    module_list: ModuleRows
    attribute_list: AttributeRows


class DescribePricingModuleResponse(BssResponse, kw_only=True):
    """The vocabulary."""

    data: PricingModules


@BSS.action("QueryProductList", Effect.READ)
def query_product_list(call: Call, request: QueryProductListRequest) -> QueryProductListResponse:
    """List what is on sale here: the product once for each of its types."""
    product = call.service.catalogue.product
    rows = [
        ProductRow(
            product_code=product.code,
            product_name=product.name,
            product_type=kind.code,
            subscription_type=kind.subscription_type,
        )
        for kind in catalog.product_types_sold(call.service.catalogue)
    ]
    first = (request.page_num - 1) * request.page_size
    page = ProductPage(
        product_list=ProductRows(product=rows[first : first + request.page_size]),
        page_num=request.page_num,
        page_size=request.page_size,
        total_count=len(rows) if request.query_total_count else None,
    )
    return QueryProductListResponse(code=CODE, message=MESSAGE, success=True, data=page)


@BSS.action("DescribePricingModule", Effect.READ)
def describe_pricing_module(call: Call, request: DescribePricingModuleRequest) -> DescribePricingModuleResponse:
    """List the modules a purchase is made of, each with its one attribute of the same code, and what each may be."""
    owned(call, request.owner_id)
    catalogue = call.service.catalogue
    catalog.product_type_of(catalogue, request.product_code, request.product_type, request.subscription_type)
    price_list = catalog.price_list_at(catalogue, call.now)
    modules = catalog.modules_for(catalogue, price_list)
    data = PricingModules(
        module_list=ModuleRows(
            module=[
                ModuleRow(
                    module_code=module.code.value,
                    module_name=module.name,
                    price_type="Month",
                    currency=price_list.currency,
                    config_list=ConfigNames(config_list=[module.code.value]),
                )
                for module in modules
            ]
        ),
        attribute_list=AttributeRows(
            attribute=[
                AttributeRow(
                    code=module.code.value,
                    name=module.name,
                    unit=module.unit,
                    values=AttributeValueRows(
                        attribute_value=[
                            AttributeValueRow(name=value.name, value=value.value, type=value.type, remark=value.remark)
                            for value in module.values
                        ]
                    ),
                )
                for module in modules
            ]
        ),
    )
    return DescribePricingModuleResponse(code=CODE, message=MESSAGE, success=True, data=data)
