# To come: __NAME__
