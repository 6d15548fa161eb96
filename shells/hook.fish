# To come: __FAMILY__
